//! Free lists of small blocks, in front of the allocator of a module that has no threads.
//!
//! A request allocates some thousand blocks, nearly all of them of at most [`SMALL`] bytes, and frees them before it ends. The
//! allocator behind looks for a block that fits and joins neighbours at each of these calls. Here a freed small block is put on the
//! list of its size class, and the next request for that class takes it from there: a few instructions each.
//!
//! Guarantees, for any sequence of calls that the contract of [`GlobalAlloc`] permits:
//! - a block is as large and as aligned as was asked for, overlaps no other block in use, and its bytes are not touched while it is
//!   in use;
//! - the allocator behind gets back exactly the layouts that it gave out;
//! - a class holds at most [`MOST_HELD`] bytes of free blocks, what is freed beyond that goes back at once. So all classes together
//!   hold at most [`MOST_HELD`] × [`CLASSES`] bytes that others cannot use, 2 MiB.
//!
//! This is the only crate of the workspace with `unsafe`: implementing [`GlobalAlloc`] needs it. What has to be shown for soundness
//! stands at each block, and `tests` runs random sequences on an allocator behind that checks its layouts.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

/// The largest block, in bytes, that is taken from a list.
pub const SMALL: usize = 512;
/// The step between two classes in bytes.
pub const STEP: usize = 16;
/// The alignment of the blocks: what the allocator behind gives anyway. More would send each of them through a slower path there.
pub const ALIGN: usize = 8;
/// Number of classes: blocks of 16, 32, …, 512 bytes.
pub const CLASSES: usize = SMALL / STEP;
/// Most bytes of free blocks that a class holds.
pub const MOST_HELD: usize = 64 << 10;

/// A free block: its first bytes are the address of the next one.
struct Free {
    next: *mut Free,
}

/// The free blocks of a class.
#[derive(Clone, Copy)]
struct Bin {
    first: *mut Free,
    /// Bytes in the list.
    held: usize,
}

/// An allocator with free lists before the allocator `A`.
pub struct Bins<A> {
    behind: A,
    bins: UnsafeCell<[Bin; CLASSES]>,
}

// SAFETY: a module without the atomics of WebAssembly has one thread, so no two calls overlap. On other targets the type is not
// `Sync`, and cannot be a static.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[expect(unsafe_code, reason = "a global allocator is a static")]
unsafe impl<A: Sync> Sync for Bins<A> {}

impl<A> Bins<A> {
    /// Empty lists before an allocator.
    pub const fn before(behind: A) -> Self {
        let bins = [Bin { first: ptr::null_mut(), held: 0 }; CLASSES];
        Self { behind, bins: UnsafeCell::new(bins) }
    }
}

/// The class of a layout, and the layout of its blocks; `None` if it is not small.
#[inline]
const fn class_of(layout: Layout) -> Option<(usize, Layout)> {
    let size = layout.size();
    if size == 0 || size > SMALL || layout.align() > ALIGN {
        return None;
    }
    let class = (size - 1) / STEP;
    match Layout::from_size_align((class + 1) * STEP, ALIGN) {
        Ok(block) => Some((class, block)),
        Err(_) => None,
    }
}

impl<A> Bins<A> {
    /// A free block of a class, if there is one.
    #[inline]
    #[expect(unsafe_code, reason = "reads the link in a free block")]
    fn take(&self, class: usize) -> Option<*mut u8> {
        // SAFETY: there is one thread, and neither this function nor `put` calls anything while the reference lives, so it is the
        // only one to the lists.
        let bin = unsafe { &mut *self.bins.get() }.get_mut(class)?;
        let block = bin.first;
        if block.is_null() {
            return None;
        }
        // SAFETY: only `put` sets `first`, to a block that is not in use, has at least `STEP` bytes, and begins with a `Free`. The block is in use only after it was taken off the list here.
        bin.first = unsafe { (*block).next };
        bin.held -= (class + 1) * STEP;
        Some(block.cast())
    }

    /// Puts a block that is no longer in use on the list of its class. False if the list has enough.
    ///
    /// # Safety
    /// `block` was made with the block layout of this class, and is used by nothing else from now on.
    #[inline]
    #[expect(unsafe_code, reason = "writes the link into a free block")]
    unsafe fn put(&self, class: usize, block: *mut u8) -> bool {
        // SAFETY: as in `take`.
        let Some(bin) = (unsafe { &mut *self.bins.get() }).get_mut(class) else { return false };
        let size = (class + 1) * STEP;
        if bin.held + size > MOST_HELD {
            return false;
        }
        #[expect(clippy::cast_ptr_alignment, reason = "blocks of a class are aligned to ALIGN")]
        let free = block.cast::<Free>();
        // SAFETY: the block has at least `STEP` bytes, which a `Free` fits into, its alignment is `ALIGN`, which is enough for one, and
        // the caller gave it away.
        unsafe { free.write(Free { next: bin.first }) };
        bin.first = free;
        bin.held += size;
        true
    }
}

const _: () = assert!(size_of::<Free>() <= STEP && align_of::<Free>() <= ALIGN);

// SAFETY: blocks come from `behind`, which keeps the contract. A small block is at least as large and as aligned as its layout. It is
// either in use or on one list, never both: `take` removes it before it is handed out, `put` gets it when its user gave it back. The
// class follows from the layout, which the caller has to repeat, so `behind` sees the layout that it allocated.
#[expect(unsafe_code, reason = "the trait is unsafe to implement")]
unsafe impl<A: GlobalAlloc> GlobalAlloc for Bins<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, block)) = class_of(layout) else {
            // SAFETY: the caller's contract is that of `behind`.
            return unsafe { self.behind.alloc(layout) };
        };
        match self.take(class) {
            Some(free) => free,
            // SAFETY: the size of a class is not zero.
            None => unsafe { self.behind.alloc(block) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some((class, block)) = class_of(layout) else {
            // SAFETY: what is not small came from `behind` with this layout.
            return unsafe { self.behind.dealloc(pointer, layout) };
        };
        // SAFETY: the caller allocated it with this layout, so with the block layout of this class, and does not use it any more.
        if !unsafe { self.put(class, pointer) } {
            // SAFETY: blocks of a class come from `behind` with the block layout.
            unsafe { self.behind.dealloc(pointer, block) }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some((class, block)) = class_of(layout) else {
            // SAFETY: the caller's contract is that of `behind`, which may know that its bytes are zero.
            return unsafe { self.behind.alloc_zeroed(layout) };
        };
        match self.take(class) {
            Some(free) => {
                // SAFETY: the block has `layout.size()` bytes at least, and is not in use yet.
                unsafe { free.write_bytes(0, layout.size()) };
                free
            }
            // SAFETY: the size of a class is not zero.
            None => unsafe { self.behind.alloc_zeroed(block) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract says that the new size with this alignment is a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class_of(layout), class_of(wanted)) {
            // SAFETY: neither is small, so it came from `behind` and stays there.
            (None, None) => unsafe { self.behind.realloc(pointer, layout, size) },
            (Some((from, _)), Some((to, _))) if from == to => pointer,
            _ => {
                // SAFETY: as the caller's calls of `alloc` and `dealloc`; both blocks have the bytes that are copied, and are two.
                unsafe {
                    let moved = self.alloc(wanted);
                    if !moved.is_null() {
                        ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
                        self.dealloc(pointer, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator is called here as the compiler would")]
mod tests;
