//! Alternating turns of user and assistant, for services that want the blocks of neighbouring messages in one turn.

use serde::{Serialize, Serializer};

/// The role of the user's turns.
pub const USER: &str = "user";
/// The role of the model's turns.
pub const ASSISTANT: &str = "assistant";

/// A block of a turn.
pub trait Block: Serialize + Sized {
    /// Whether it is a thought: the final block of a turn of the assistant cannot be one.
    fn is_thought(&self) -> bool;

    /// Writes the content of a turn.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write_content<S: Serializer>(content: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        content.serialize(serializer)
    }
}

/// One turn.
#[derive(Debug, Serialize)]
#[serde(bound = "B: Block")]
pub struct Turn<B> {
    /// [`USER`] or [`ASSISTANT`].
    pub role: &'static str,
    /// Its blocks.
    #[serde(serialize_with = "write_content")]
    pub content: Vec<B>,
    /// Index of the message and of the part of each block, to report a block that is left out later.
    #[serde(skip)]
    pub places: Vec<(usize, usize)>,
}

fn write_content<B: Block, S: Serializer>(content: &[B], serializer: S) -> Result<S::Ok, S::Error> {
    B::write_content(content, serializer)
}

impl<B: Block> Turn<B> {
    /// A turn of content that stands in no message.
    pub fn new(role: &'static str, content: Vec<B>) -> Self {
        Self { role, content, places: Vec::new() }
    }

    /// Leaves out all of its thoughts.
    pub fn drop_thoughts(&mut self, dropped: &mut Vec<String>) {
        let thoughts = self.content.iter().zip(&self.places).filter(|(block, _)| block.is_thought());
        dropped.extend(thoughts.map(|(_, place)| name_of(*place)));
        self.content.retain(|block| !block.is_thought());
    }
}

/// Appends a block to the last turn if that has this role, else to a new one. `place` is that of its part in the messages.
pub fn say<B: Block>(
    turns: &mut Vec<Turn<B>>,
    role: &'static str,
    block: B,
    place: (usize, usize),
    dropped: &mut Vec<String>,
) {
    if turns.last().is_some_and(|turn| turn.role != role) {
        cut_thoughts(turns, dropped);
    }
    match turns.last_mut() {
        Some(turn) if turn.role == role => {
            turn.content.push(block);
            turn.places.push(place);
        }
        _ => turns.push(Turn { role, content: vec![block], places: vec![place] }),
    }
}

/// Leaves out the thoughts at the end of the last turn, if it is the assistant's.
pub fn cut_thoughts<B: Block>(turns: &mut Vec<Turn<B>>, dropped: &mut Vec<String>) {
    let Some(turn) = turns.last_mut().filter(|turn| turn.role == ASSISTANT) else { return };
    while turn.content.pop_if(|block| block.is_thought()).is_some() {
        dropped.extend(turn.places.pop().map(name_of));
    }
    if turn.content.is_empty() {
        turns.pop();
    }
}

/// The first turn must be the user's. Instructions alone become a user message; `filler` is what is said otherwise.
pub fn ensure_user_begins<B: Block>(turns: &mut Vec<Turn<B>>, system: &mut Vec<B>, filler: B) {
    if turns.first().is_some_and(|turn| turn.role == USER) {
        return;
    }
    let content = if turns.is_empty() && !system.is_empty() { std::mem::take(system) } else { vec![filler] };
    turns.insert(0, Turn::new(USER, content));
}

fn name_of((message, part): (usize, usize)) -> String {
    format!("messages[{message}].content[{part}]")
}
