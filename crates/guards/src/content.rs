//! The content rules as a guard: each text is searched by itself.

use std::rc::Rc;

use crate::guard::{Guard, Piece, Verdict, Way};
use crate::rules::ContentRules;
use crate::scanner::Scanner;

/// Judges texts, at once.
#[must_use]
pub fn judge(rules: &Rc<ContentRules>, pieces: &[Piece<'_>]) -> Verdict {
    let mut changes = Vec::new();
    for (position, piece) in pieces.iter().enumerate() {
        match Scanner::whole(rules, &piece.text, piece.is_json) {
            Ok(None) => {}
            Ok(Some(edited)) => {
                changes.resize(position, None);
                changes.push(Some(edited));
            }
            Err(blocked) => return Verdict::Blocked(blocked),
        }
    }
    Verdict::Pass(changes)
}

impl Guard for Rc<ContentRules> {
    async fn judge(&self, _way: Way, pieces: &[Piece<'_>]) -> Verdict {
        judge(self, pieces)
    }
}
