//! Searches one text, which may arrive in pieces, and passes on what no rule concerns as soon as that is certain.
//!
//! The text is read once from left to right. At a place where a detector needs to know what follows, the search waits; what stands
//! before it, and cannot be the beginning of a mail address, is passed on. So what is found does not depend on how the text
//! was cut.

use std::rc::Rc;

use nexus_edge_core::secrets::pii::{LOOK_BACK, may_precede_at_sign};

use crate::detector::{Found, Place, Tail, width};
use crate::guard::{Blocked, Changed};
use crate::rules::{ContentRules, Decision, Masking};

/// Most bytes of a text that are held back.
pub const MAX_HELD: usize = 1_200;

/// What is passed on of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// To the caller, or to the provider.
    pub told: String,
    /// What is recorded: masked values that come back to the caller are not part of it.
    pub kept: String,
}

impl Output {
    fn same(&mut self, text: &str) {
        self.told.push_str(text);
        self.kept.push_str(text);
    }
}

/// The search of one text.
pub struct Scanner {
    rules: Rc<ContentRules>,
    /// What was passed on and may still be looked back at, then what is held, then what was not searched yet.
    buffer: String,
    /// The end of the last thing that was found.
    found_end: usize,
    /// Up to here it was passed on.
    told: usize,
    /// Up to here it was searched.
    at: usize,
    tail: Option<Tail>,
    json: Option<InJson>,
    has_changed: bool,
}

/// Where the text stands, if it is JSON.
#[derive(Debug, Clone, Copy, Default)]
struct InJson {
    in_string: bool,
    is_escaped: bool,
}

impl InJson {
    fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_string => self.is_escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ => {}
            }
        }
    }
}

impl Scanner {
    /// The search of a text by these rules. `is_json`: the text is itself JSON, and stays so.
    #[must_use]
    pub fn new(rules: &Rc<ContentRules>, is_json: bool) -> Self {
        Self {
            rules: Rc::clone(rules),
            buffer: String::new(),
            found_end: 0,
            told: 0,
            at: 0,
            tail: None,
            json: is_json.then(InJson::default),
            has_changed: false,
        }
    }

    /// A complete text: what becomes of it, if it changes.
    ///
    /// # Errors
    /// The rule that does not let it pass.
    pub fn whole(rules: &Rc<ContentRules>, text: &str, is_json: bool) -> Result<Option<Changed>, Blocked> {
        if !text.bytes().any(|byte| rules.may_begin(byte)) {
            return Ok(None);
        }
        let mut scanner = Self::new(rules, is_json);
        let mut output = Output::default();
        text.clone_into(&mut scanner.buffer);
        scanner.search(true, &mut output)?;
        let Output { told, kept } = output;
        Ok(scanner.has_changed.then(|| Changed { kept: (kept != told).then_some(kept), told }))
    }

    /// Takes the next piece, and passes on what is certain.
    ///
    /// # Errors
    /// The rule that does not let the text pass. What stands before what it found has been passed on.
    pub fn push(&mut self, piece: &str, output: &mut Output) -> Result<(), Blocked> {
        self.buffer.push_str(piece);
        self.search(false, output)?;
        self.forget();
        Ok(())
    }

    /// The text has ended: passes on the rest.
    ///
    /// # Errors
    /// The rule that does not let the text pass.
    pub fn finish(&mut self, output: &mut Output) -> Result<(), Blocked> {
        self.search(true, output)
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len() - self.told
    }

    fn search(&mut self, is_last: bool, output: &mut Output) -> Result<(), Blocked> {
        let rules = Rc::clone(&self.rules);
        // Taken out, so that what is found may borrow it.
        let buffer = std::mem::take(&mut self.buffer);
        let bytes = buffer.as_bytes();
        self.skip_tail(&buffer);
        let mut end = Ok(());
        while let Some(byte) = bytes.get(self.at) {
            if !rules.may_begin(*byte) {
                self.at += width(*byte);
                continue;
            }
            let place = Place {
                earlier: bytes.get(self.found_end..self.at).unwrap_or_default(),
                rest: bytes.get(self.at..).unwrap_or_default(),
                is_last,
            };
            match rules.decide(place) {
                Decision::Open => break,
                Decision::Nothing => self.at += width(*byte),
                Decision::Mask(found, masking) => self.mask(&buffer, found, &masking, is_last, output),
                Decision::Restore(found, value) => self.restore(&buffer, found, &value, output),
                Decision::Block(found, blocked) => {
                    self.pass(&buffer, self.at - found.before, output);
                    end = Err(blocked);
                    break;
                }
            }
        }
        if end.is_ok() {
            let held = if is_last { 0 } else { self.may_be_address(bytes) };
            self.pass(&buffer, self.at - held, output);
        }
        self.buffer = buffer;
        end
    }

    /// How many bytes before the place may be the beginning of a mail address.
    fn may_be_address(&self, bytes: &[u8]) -> usize {
        if !self.rules.looks_back {
            return 0;
        }
        let unsent = bytes.get(self.told..self.at).unwrap_or_default();
        unsent.iter().rev().take(LOOK_BACK).take_while(|byte| may_precede_at_sign(**byte)).count()
    }

    /// Passes on the text up to a place, as it is.
    fn pass(&mut self, buffer: &str, to: usize, output: &mut Output) {
        if let Some(text) = buffer.get(self.told..to) {
            output.same(text);
            self.read(text);
            self.told = to;
        }
    }

    fn read(&mut self, text: &str) {
        if let Some(json) = &mut self.json {
            json.read(text);
        }
    }

    fn mask(
        &mut self,
        buffer: &str,
        found: Found<'_>,
        masking: &Masking<'_>,
        is_last: bool,
        output: &mut Output,
    ) {
        self.pass(buffer, self.at - found.before, output);
        let begin = self.at - found.before;
        self.at += found.length;
        self.tail = found.tail;
        self.skip_tail(buffer);
        let value = buffer.get(begin..self.at).unwrap_or_default();
        let mut shown = self.rules.placeholder(masking, found.kind, value);
        if is_last {
            self.tail = None;
        }
        if self.json.is_some_and(|json| !json.in_string) {
            shown = format!("\"{shown}\"");
        }
        output.same(&shown);
        self.end_found(value);
    }

    fn restore(&mut self, buffer: &str, found: Found<'_>, value: &str, output: &mut Output) {
        self.pass(buffer, self.at, output);
        let shown = buffer.get(self.at..self.at + found.length).unwrap_or_default();
        self.at += found.length;
        output.kept.push_str(shown);
        if self.json.is_some() {
            let quoted = nexus_edge_core::json::splice::quote(value);
            output.told.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        } else {
            output.told.push_str(value);
        }
        self.end_found(shown);
    }

    fn end_found(&mut self, text: &str) {
        self.read(text);
        (self.told, self.found_end, self.has_changed) = (self.at, self.at, true);
    }

    /// Leaves out what belongs to something that was found before.
    fn skip_tail(&mut self, buffer: &str) {
        let Some(mut tail) = self.tail.take() else { return };
        let rest = buffer.get(self.at..).unwrap_or_default();
        let taken = rest.bytes().take_while(|byte| tail.takes(*byte)).count();
        if taken == rest.len() {
            self.tail = Some(tail);
        }
        let is_earlier = self.told == self.at;
        self.at += taken;
        if is_earlier {
            // The placeholder has been passed on already.
            self.read(rest.get(..taken).unwrap_or_default());
            (self.told, self.found_end) = (self.at, self.at);
        }
    }

    /// Forgets what is not needed any more.
    fn forget(&mut self) {
        let wanted = self.found_end.max(self.told.saturating_sub(LOOK_BACK));
        let from = (wanted..=self.told).find(|at| self.buffer.is_char_boundary(*at)).unwrap_or(self.told);
        self.buffer.drain(..from);
        self.told -= from;
        self.at -= from;
        self.found_end = self.found_end.saturating_sub(from);
    }
}
