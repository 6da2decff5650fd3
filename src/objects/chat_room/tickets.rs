//! Used tickets outlive their session: a ticket that opened a connection must not open another one, also if the session
//! was deleted with all that is stored of it while the ticket is still valid.

use worker::Result;

use super::room::Room;
use crate::platform::now_ms;

/// Deletes everything but the used tickets that might still be tried; an alarm deletes these when they cannot.
pub async fn outlive_deletion(room: &Room) -> Result<()> {
    let used = room.store.used_tickets(now_ms())?;
    let storage = room.state.storage();
    // All of it, not table by table: nothing of the texts stays behind in free pages.
    storage.delete_all().await?;
    let Some(last) = used.iter().map(|(_, expires)| *expires).max() else { return Ok(()) };
    room.store.restore_tickets(&used)?;
    storage.set_alarm(i64::try_from(last.saturating_sub(now_ms())).unwrap_or_default()).await
}

/// Deletes what is left of a deleted session once its tickets have expired.
pub async fn clear(room: &Room) -> Result<()> {
    if room.record().is_ok() {
        return Ok(());
    }
    // Those that were used meanwhile, for a session that does not exist, expire later.
    outlive_deletion(room).await
}
