//! The tables of D1 as a whole: read for a backup, emptied and written by a restore.

use std::collections::{BTreeMap, BTreeSet};

use nexus_edge_backups::dump::{Came, Question};
use nexus_edge_backups::line::{Line, key_of};
use nexus_edge_backups::restore::{self, PARAMETER_BYTES, insert};
use nexus_edge_backups::tables::{Class, dumped_tables, names_after, table};
use serde::Deserialize;
use serde_json::Value;
use worker::wasm_bindgen::JsValue;
use worker::{D1PreparedStatement, Env};

use super::{StoreError, StoreResult, database, row, rows, statement, text, unsigned, write};
use crate::platform::now_ms;
use crate::platform::rows::{Texts, batch_texts, parameter};

/// Most bytes of parameters of a batch that writes.
const BATCH_BYTES: usize = 4 << 20;

/// What came of each of some questions, which are asked in one transaction, and their rows.
pub async fn ask(env: &Env, questions: &[Question]) -> StoreResult<Vec<(Came, Texts)>> {
    let database = database(env)?;
    let statements = questions.iter().map(|question| {
        let parameters: Vec<JsValue> = question.parameters.iter().map(parameter).collect();
        statement(&database, &question.sql, &parameters)
    });
    let found = batch_texts(env, &statements.collect::<StoreResult<Vec<_>>>()?).await?;
    Ok(questions.iter().zip(found).map(|(question, texts)| (came(question, &texts), texts)).collect())
}

fn came(question: &Question, texts: &Texts) -> Came {
    let Some(last) = texts.rows.last() else { return Came::default() };
    let count = key_of(&texts.columns, last, &["n"]).first().and_then(Value::as_u64);
    Came {
        rows: texts.rows.len() as u64,
        last: key_of(&texts.columns, last, question.table.key),
        count: count.unwrap_or_default(),
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The names of the objects of a class that the database knows, after this one.
pub async fn names(env: &Env, class: &Class, after: &str, limit: u64) -> StoreResult<Vec<String>> {
    let found: Vec<Name> = rows(env, &names_after(class), &[text(after), unsigned(limit)]).await?;
    Ok(found.into_iter().map(|row| row.name).collect())
}

/// The name of the last migration; empty if that is not noted.
pub async fn schema(env: &Env) -> StoreResult<String> {
    let found = row::<Name>(env, "SELECT name FROM d1_migrations ORDER BY name DESC LIMIT 1", &[]).await;
    Ok(found.ok().flatten().map(|row| row.name).unwrap_or_default())
}

/// The largest id that each table with ascending ids has given away.
pub async fn sequences(env: &Env) -> StoreResult<BTreeMap<String, u64>> {
    #[derive(Deserialize)]
    struct Sequence {
        name: String,
        seq: u64,
    }
    let found: Vec<Sequence> = rows(env, "SELECT name, seq FROM sqlite_sequence", &[]).await?;
    let dumped = found.into_iter().filter(|sequence| table(&sequence.name).is_some());
    Ok(dumped.map(|sequence| (sequence.name, sequence.seq)).collect())
}

/// The first table that has rows which the migrations did not give it.
pub async fn table_with_rows(env: &Env) -> StoreResult<Option<String>> {
    let found: Option<BTreeMap<String, u64>> = row(env, &restore::are_there_rows(), &[]).await?;
    let found = found.unwrap_or_default();
    Ok(found.into_iter().find(|(_, is_there)| *is_there > 0).map(|(table, _)| table))
}

/// Runs statements without parameters in one transaction.
pub async fn run_all(env: &Env, statements: &[String]) -> StoreResult<()> {
    let database = database(env)?;
    database.batch(statements.iter().map(|sql| database.prepare(sql)).collect()).await?;
    Ok(())
}

/// The columns of the dumped tables.
pub async fn columns(env: &Env) -> StoreResult<BTreeMap<String, BTreeSet<String>>> {
    let database = database(env)?;
    let names: Vec<&str> = dumped_tables().map(|table| table.name).collect();
    let statements = names.iter().map(|name| database.prepare(format!("PRAGMA table_info({name})")));
    let mut columns = BTreeMap::new();
    for (name, result) in names.iter().zip(database.batch(statements.collect()).await?) {
        let found: Vec<Name> = super::read(&result, name)?;
        columns.insert((*name).to_owned(), found.into_iter().map(|row| row.name).collect());
    }
    Ok(columns)
}

/// Writes the rows of lines of tables of D1, where the schema has these columns. Lines of tables that it does not have are left
/// out.
pub async fn write_lines(
    env: &Env,
    lines: &[Line<'_>],
    columns: &BTreeMap<String, BTreeSet<String>>,
) -> StoreResult<()> {
    let database = database(env)?;
    let (mut batch, mut bytes): (Vec<D1PreparedStatement>, usize) = (Vec::new(), 0);
    for line in lines {
        let known = table(&line.table).zip(columns.get(&line.table));
        let made = known.and_then(|(table, columns)| insert(table.name, table.key, &line.columns, columns));
        let Some(insert) = made else { continue };
        let rows = line.rows.get();
        if rows.len() <= PARAMETER_BYTES {
            batch.push(statement(&database, &insert.of_list, &[text(rows)])?);
        } else {
            for row in line.each_row().map_err(StoreError::Platform)? {
                let values: Vec<Value> = serde_json::from_str(row.get())?;
                let bound =
                    insert.places.iter().map(|place| parameter(values.get(*place).unwrap_or(&Value::Null)));
                batch.push(statement(&database, &insert.of_row, &bound.collect::<Vec<_>>())?);
            }
        }
        bytes += rows.len();
        if bytes >= BATCH_BYTES {
            database.batch(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        database.batch(batch).await?;
    }
    Ok(())
}

/// The number of rows of a dumped table.
pub async fn count(env: &Env, name: &str) -> StoreResult<u64> {
    #[derive(Deserialize)]
    struct Count {
        n: u64,
    }
    let Some(table) = table(name) else { return Ok(0) };
    let sql = format!("SELECT COUNT(*) AS n FROM {}", table.name);
    Ok(row::<Count>(env, &sql, &[]).await?.map_or(0, |row| row.n))
}

/// Ends a restore: ids that were given away are not given again, and no copy of the configuration is taken for the current one.
pub async fn conclude(env: &Env, sequences: &BTreeMap<String, u64>) -> StoreResult<()> {
    for (name, seq) in sequences {
        for sql in restore::SET_SEQUENCE {
            write(env, sql, &[text(name), unsigned(*seq)]).await?;
        }
    }
    write(env, restore::RAISE_VERSIONS, &[unsigned(now_ms())]).await?;
    Ok(())
}
