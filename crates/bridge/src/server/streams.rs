//! The streams of a child as tasks: lines of stdout become messages, messages become lines of stdin, stderr goes to the ring
//! and the log, and the end of the child is reported once.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_edge_mcp::rpc::{Limits, Message, parse_message};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};

use super::unanswered::Unanswered;
use crate::log::Log;
use crate::masking::Masking;
use crate::process::child::{Child, Launch, start};
use crate::process::lines::{self, LONGEST, Line};
use crate::process::ring::Ring;

/// The longest line of stderr that is kept, in bytes. What is longer ends the reading of stderr, not the child.
const LONGEST_NOTE: usize = 64 * 1024;

/// Said of a child whose line has no end.
pub const TOO_LONG: &str = "wrote a line of more than 16 MiB";

/// Something that a child did. `generation` tells children of one server apart.
#[derive(Debug)]
pub struct Event {
    /// Which child.
    pub generation: u64,
    /// What it did.
    pub what: What,
}

/// What a child did.
#[derive(Debug)]
pub enum What {
    /// It sent a message.
    Message(Message),
    /// It wrote something to stdout that is no message.
    Garbage(String),
    /// It wrote a line that is too long, or closed stdout: it is of no use any more.
    Unusable(&'static str),
    /// A request over HTTP has no response.
    Unanswered(i64, Unanswered),
    /// It has ended.
    Exited(Option<ExitStatus>),
}

/// A running child.
#[derive(Debug)]
pub struct Running {
    /// Which one.
    pub generation: u64,
    /// The number of its process.
    pub pid: u32,
    lines: Option<mpsc::UnboundedSender<String>>,
    end: Option<oneshot::Sender<()>>,
}

impl Running {
    /// Sends a message. One that cannot be sent any more is lost: the end of the child is reported.
    pub fn send(&self, message: &Message) {
        if let Some(lines) = &self.lines {
            let _ = lines.send(message.to_line());
        }
    }

    /// Closes stdin and ends the child, gently at first.
    pub fn end(&mut self) {
        self.lines = None;
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
    }
}

/// What the tasks of a child need.
#[derive(Clone)]
pub struct Surroundings {
    /// The server's name, for the log.
    pub name: String,
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// The last lines of stderr.
    pub ring: Arc<Mutex<Ring>>,
    /// The agent's log.
    pub log: Log,
    /// What is never logged.
    pub masking: Arc<Masking>,
}

/// Starts a child and its tasks.
///
/// # Errors
/// The program was not found or cannot be run.
pub fn run(launch: &Launch, generation: u64, around: &Surroundings) -> std::io::Result<Running> {
    let (child, streams) = start(launch)?;
    let pid = child.id();
    let (lines, written) = mpsc::unbounded_channel();
    let (end, ending) = oneshot::channel();
    tokio::spawn(write(streams.stdin, written));
    let reading = tokio::spawn(read(streams.stdout, generation, around.clone()));
    tokio::spawn(listen(streams.stderr, around.clone()));
    tokio::spawn(keep(child, ending, reading, generation, around.events.clone()));
    Ok(Running { generation, pid, lines: Some(lines), end: Some(end) })
}

/// Waits for the end of a child, or ends it. What it wrote before is reported first.
async fn keep(
    mut child: Child,
    ending: oneshot::Receiver<()>,
    reading: tokio::task::JoinHandle<()>,
    generation: u64,
    events: mpsc::Sender<Event>,
) {
    tokio::pin!(ending);
    let status = tokio::select! {
        status = child.ended() => status,
        // An agent that is gone without a word ends its children at once.
        asked = &mut ending => match asked {
            Ok(()) => child.end().await,
            Err(_) => child.kill().await,
        },
    };
    // A process that left the group may hold the pipe open: the end is not kept back for it.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(500), reading).await;
    let _ = events.send(Event { generation, what: What::Exited(status) }).await;
}

async fn write(mut stdin: tokio::process::ChildStdin, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stdout: tokio::process::ChildStdout, generation: u64, around: Surroundings) {
    let mut reader = BufReader::with_capacity(64 * 1024, stdout);
    let mut buffer = Vec::new();
    loop {
        let what = match lines::next(&mut reader, &mut buffer, LONGEST).await {
            Ok(Line::Whole) if buffer.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(Line::Whole) => match parse_message(&buffer, Limits::default()) {
                Ok(message) => What::Message(message),
                Err(_) => What::Garbage(excerpt(&buffer)),
            },
            Ok(Line::TooLong) => What::Unusable(TOO_LONG),
            Ok(Line::End) | Err(_) => What::Unusable("closed its output"),
        };
        // A large answer must not keep its memory for ever.
        if buffer.capacity() > 1024 * 1024 {
            buffer = Vec::new();
        }
        let last = matches!(what, What::Unusable(_));
        if around.events.send(Event { generation, what }).await.is_err() || last {
            return;
        }
    }
}

async fn listen(stderr: tokio::process::ChildStderr, around: Surroundings) {
    let mut reader = BufReader::new(stderr);
    let mut buffer = Vec::new();
    while let Ok(Line::Whole) = lines::next(&mut reader, &mut buffer, LONGEST_NOTE).await {
        let line = around.masking.mask(String::from_utf8_lossy(&buffer).trim_end());
        if line.is_empty() {
            continue;
        }
        around.log.debug("a server wrote to stderr", &[("server", &around.name), ("text", &line)]);
        around.ring.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// The beginning of something unreadable.
fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(120).collect()
}
