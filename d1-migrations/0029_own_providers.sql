-- Whose a provider is, whose requests it may serve, and whether it is being reviewed. `shared_with` is a JSON list of owners.
ALTER TABLE providers ADD COLUMN owner TEXT;
ALTER TABLE providers ADD COLUMN visibility TEXT NOT NULL DEFAULT 'public';
ALTER TABLE providers ADD COLUMN shared_with TEXT NOT NULL DEFAULT '[]';
ALTER TABLE providers ADD COLUMN in_review INTEGER NOT NULL DEFAULT 0;

-- Counts the providers of an owner.
CREATE INDEX providers_of_owner ON providers (owner) WHERE owner IS NOT NULL;
