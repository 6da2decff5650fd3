-- Totals: the sums of all series of a span together, one row a class of requests, made of the rows of series after these are made.
-- They are rows of stat_rows under the grains Q, H and D, beside q, h and d; their series are those with the ids 1 to 6, which have
-- nothing but a status. There are totals of the spans from totals_since until totals_until; before and after, rows of series say the same.
ALTER TABLE stat_progress ADD COLUMN totals_since INTEGER;
ALTER TABLE stat_progress ADD COLUMN totals_until INTEGER;

-- Totals must be all of what is in the rows of series. What adds a row to a span of which there are totals adds to these first, under
-- the same part. An earlier release, to which a deployment was rolled back, does not know that: then they are made anew.
CREATE TRIGGER stat_rows_without_totals AFTER INSERT ON stat_rows
WHEN NEW.grain IN ('q', 'h', 'd')
  AND EXISTS (SELECT 1 FROM stat_progress WHERE grain = NEW.grain AND totals_since <= NEW.start AND totals_until > NEW.start)
  AND NOT EXISTS (SELECT 1 FROM stat_rows WHERE grain = upper(NEW.grain) AND start = NEW.start AND series IN (1, 2, 3, 4, 5, 6)
    AND part = NEW.part)
BEGIN UPDATE stat_progress SET totals_since = NULL, totals_until = NULL WHERE grain = NEW.grain; END;
