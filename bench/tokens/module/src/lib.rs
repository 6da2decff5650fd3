//! The tokenizer alone as a WebAssembly module, without the gateway around it.

use nexus_edge_tokens::Encoding;

/// Memory for a text of this length.
#[unsafe(no_mangle)]
pub extern "C" fn take(length: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; length].into_boxed_slice()).cast()
}

/// How many tokens the text is that was put there. Gives the memory back.
///
/// # Safety
///
/// `text` comes from [`take`], with the same length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn count(text: *mut u8, capacity: usize, length: usize) -> usize {
    // SAFETY: the caller says so.
    let bytes = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(text, capacity)) };
    let text = str::from_utf8(&bytes[..length]).expect("TextEncoder writes UTF-8");
    Encoding::O200kBase.count(text)
}
