//! Limits of subjects other than keys, and prices, in D1. Requests read them from the snapshot.

use nexus_edge_api::prices::UploadedTable;
use nexus_edge_core::billing::PriceSetting;
use nexus_edge_core::billing::book::PriceRecord;
use nexus_edge_core::limits::policy::{LimitPolicy, LimitRecord};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows, text, unsigned, write};

/// All limits, by subject.
pub async fn limits(env: &Env) -> StoreResult<Vec<LimitRecord>> {
    rows(env, "SELECT * FROM subject_limits ORDER BY subject", &[]).await
}

/// Subjects with limits, keys included, by name, with the name of a key that people gave it. Of `owners` only their keys and
/// themselves; models belong to none.
pub async fn limited_subjects(
    env: &Env,
    owners: Option<&[String]>,
    after: Option<&str>,
    limit: u32,
) -> StoreResult<Vec<(Option<String>, LimitRecord)>> {
    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
        #[serde(flatten)]
        record: LimitRecord,
    }
    let mut parameters = vec![text(after.unwrap_or_default()), unsigned(limit.into())];
    let (of_keys, of_subjects) = if let Some(owners) = owners {
        parameters.push(text(&serde_json::to_string(owners)?));
        let own = "(SELECT value FROM json_each(?3))";
        let own_subjects = " AND subject IN (SELECT 'user:' || value FROM json_each(?3))";
        (format!(" AND owner IN {own}"), own_subjects.to_owned())
    } else {
        (String::new(), String::new())
    };
    let sql = format!(
        "SELECT subject, policy, NULL AS name FROM subject_limits WHERE subject > ?1{of_subjects} \
         UNION ALL SELECT 'key:' || id, policy, name FROM api_keys WHERE 'key:' || id > ?1 \
         AND CASE WHEN json_valid(policy) THEN policy ->> 'limits' <> '{{}}' OR policy ->> 'budget' IS NOT NULL \
         ELSE policy IS NOT NULL END{of_keys} ORDER BY subject LIMIT ?2"
    );
    let found: Vec<Named> = rows(env, &sql, &parameters).await?;
    Ok(found.into_iter().map(|row| (row.name, row.record)).collect())
}

/// The limits of a subject, by its canonical name or, as older versions stored it, by this `spelling` of it.
pub async fn find_limits(env: &Env, subject: &str, spelling: &str) -> StoreResult<Option<LimitRecord>> {
    let sql = "SELECT * FROM subject_limits WHERE subject IN (?1, ?2) ORDER BY subject = ?1 DESC LIMIT 1";
    row(env, sql, &[text(subject), text(spelling)]).await
}

/// Sets the limits of a subject.
pub async fn put_limits(env: &Env, subject: &str, policy: &LimitPolicy) -> StoreResult<()> {
    let sql = "INSERT INTO subject_limits (subject, policy) VALUES (?1, ?2) \
        ON CONFLICT (subject) DO UPDATE SET policy = excluded.policy";
    write(env, sql, &[text(subject), text(&serde_json::to_string(policy)?)]).await?;
    Ok(())
}

/// Removes the limits of a subject, also those under this `spelling` of it; false if it has none.
pub async fn delete_limits(env: &Env, subject: &str, spelling: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM subject_limits WHERE subject IN (?1, ?2)";
    Ok(write(env, sql, &[text(subject), text(spelling)]).await?.changes > 0)
}

/// All prices that override the built-in table, by subject.
pub async fn prices(env: &Env) -> StoreResult<Vec<PriceRecord>> {
    rows(env, "SELECT * FROM prices ORDER BY subject", &[]).await
}

/// The price of a subject, also that under this `spelling` of it.
pub async fn find_price(env: &Env, subject: &str, spelling: &str) -> StoreResult<Option<PriceRecord>> {
    let sql = "SELECT * FROM prices WHERE subject IN (?1, ?2) ORDER BY subject = ?1 DESC LIMIT 1";
    row(env, sql, &[text(subject), text(spelling)]).await
}

/// Sets a price.
pub async fn put_price(env: &Env, subject: &str, setting: &PriceSetting) -> StoreResult<()> {
    let sql = "INSERT INTO prices (subject, setting) VALUES (?1, ?2) \
        ON CONFLICT (subject) DO UPDATE SET setting = excluded.setting";
    write(env, sql, &[text(subject), text(&serde_json::to_string(setting)?)]).await?;
    Ok(())
}

/// Removes a price, also that under this `spelling` of its subject; false if there is none.
pub async fn delete_price(env: &Env, subject: &str, spelling: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM prices WHERE subject IN (?1, ?2)";
    Ok(write(env, sql, &[text(subject), text(spelling)]).await?.changes > 0)
}

/// The table of prices that was uploaded, without its contents.
pub async fn price_table(env: &Env) -> StoreResult<Option<UploadedTable>> {
    row(env, "SELECT version, as_of, models, uploaded_at FROM price_table", &[]).await
}

/// Its contents.
pub async fn price_table_json(env: &Env) -> StoreResult<Option<String>> {
    #[derive(Deserialize)]
    struct Contents {
        json: String,
    }
    Ok(row::<Contents>(env, "SELECT json FROM price_table", &[]).await?.map(|contents| contents.json))
}

/// Replaces it.
pub async fn put_price_table(env: &Env, table: &UploadedTable, json: &str) -> StoreResult<()> {
    let sql = "INSERT INTO price_table (id, version, as_of, models, uploaded_at, json) VALUES (1, ?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, as_of = excluded.as_of, models = excluded.models, \
        uploaded_at = excluded.uploaded_at, json = excluded.json";
    let UploadedTable { version, as_of, models, uploaded_at } = table;
    write(env, sql, &[text(version), text(as_of), unsigned(*models), unsigned(*uploaded_at), text(json)])
        .await?;
    Ok(())
}

/// Removes it; false if there is none.
pub async fn delete_price_table(env: &Env) -> StoreResult<bool> {
    Ok(write(env, "DELETE FROM price_table", &[]).await?.changes > 0)
}
