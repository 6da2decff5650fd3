//! JSON that is kept as it came: the members of an object with their values byte for byte, the depth of a text, and its
//! canonical form.

mod canonical;
mod depth;
mod fault;
mod members;
mod value;

pub use canonical::canonical;
pub use depth::depth;
pub use fault::JsonFault;
pub use members::{Member, Members};
pub use value::{raw, string, text_of, to_raw};
