//! Random sequences of calls, on an allocator behind that knows what it gave out.

use std::alloc::System;
use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// The system's allocator, which notes every block and checks every layout that comes back.
#[derive(Default)]
struct Strict {
    given: RefCell<HashMap<usize, Layout>>,
}

impl Strict {
    fn note(&self, pointer: *mut u8, layout: Layout) -> *mut u8 {
        assert!(self.given.borrow_mut().insert(pointer as usize, layout).is_none(), "given out twice");
        pointer
    }

    fn forget(&self, pointer: *mut u8, layout: Layout) {
        assert_eq!(self.given.borrow_mut().remove(&(pointer as usize)), Some(layout), "another layout");
    }

    fn bytes(&self) -> usize {
        self.given.borrow().values().map(Layout::size).sum()
    }
}

// SAFETY: all of it is the system's allocator.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(unsafe { System.alloc(layout) }, layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.forget(pointer, layout);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.forget(pointer, layout);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        self.note(moved, Layout::from_size_align(size, layout.align()).unwrap())
    }
}

/// A block in use, filled with a byte of its own.
struct Used {
    pointer: *mut u8,
    layout: Layout,
    filling: u8,
}

impl Used {
    fn fill(&self) {
        unsafe { self.pointer.write_bytes(self.filling, self.layout.size()) }
    }

    fn check(&self, bytes: usize) {
        assert_eq!(self.pointer as usize % self.layout.align(), 0, "not aligned");
        let held = unsafe { std::slice::from_raw_parts(self.pointer, bytes) };
        assert!(held.iter().all(|byte| *byte == self.filling), "the bytes of a block in use were changed");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Alloc { size: usize, align: u32, is_zeroed: bool },
    Free(prop::sample::Index),
    Resize { which: prop::sample::Index, size: usize },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 1..=SMALL, 2 => SMALL - 20..SMALL + 20, 1 => SMALL..40_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>();
    prop_oneof![
        4 => (size(), 0..7_u32, any::<bool>()).prop_map(|(size, align, is_zeroed)| Step::Alloc { size, align, is_zeroed }),
        3 => which.clone().prop_map(Step::Free),
        2 => (which, size()).prop_map(|(which, size)| Step::Resize { which, size }),
    ]
}

fn run(steps: &[Step]) {
    let bins = Bins::before(Strict::default());
    let mut used: Vec<Used> = Vec::new();
    let mut filling = 0_u8;
    for step in steps {
        match step {
            Step::Alloc { size, align, is_zeroed } => {
                let layout = Layout::from_size_align(*size, 1 << align).unwrap();
                filling = filling.wrapping_add(1);
                let pointer = if *is_zeroed {
                    let pointer = unsafe { bins.alloc_zeroed(layout) };
                    Used { pointer, layout, filling: 0 }.check(*size);
                    pointer
                } else {
                    unsafe { bins.alloc(layout) }
                };
                used.push(Used { pointer, layout, filling });
                used.last().unwrap().fill();
            }
            Step::Free(which) if !used.is_empty() => {
                let block = used.swap_remove(which.index(used.len()));
                block.check(block.layout.size());
                unsafe { bins.dealloc(block.pointer, block.layout) }
            }
            Step::Resize { which, size } if !used.is_empty() => {
                let index = which.index(used.len());
                let block = &mut used[index];
                let kept = block.layout.size().min(*size);
                block.pointer = unsafe { bins.realloc(block.pointer, block.layout, *size) };
                block.layout = Layout::from_size_align(*size, block.layout.align()).unwrap();
                block.check(kept);
                block.fill();
            }
            Step::Free(_) | Step::Resize { .. } => {}
        }
    }
    for block in used {
        block.check(block.layout.size());
        unsafe { bins.dealloc(block.pointer, block.layout) }
    }
    // What is left behind is on the lists, and is as much as they say.
    let held: usize = unsafe { &*bins.bins.get() }.iter().map(|bin| bin.held).sum();
    assert_eq!(bins.behind.bytes(), held);
    for (class, bin) in unsafe { &*bins.bins.get() }.iter().enumerate() {
        assert!(bin.held <= MOST_HELD, "class {class}");
    }
    for class in 0..CLASSES {
        while let Some(block) = bins.take(class) {
            unsafe { bins.behind.dealloc(block, Layout::from_size_align((class + 1) * STEP, ALIGN).unwrap()) }
        }
    }
    assert_eq!(bins.behind.bytes(), 0, "nothing is lost");
}

proptest! {
    #[test]
    fn blocks_are_whole_and_their_own_and_go_back_as_they_came(steps in prop::collection::vec(step(), 0..400)) {
        run(&steps);
    }
}

#[test]
fn a_block_is_used_again_and_a_full_list_gives_back() {
    let bins = Bins::before(Strict::default());
    let layout = Layout::from_size_align(100, 8).unwrap();
    let first = unsafe { bins.alloc(layout) };
    unsafe { bins.dealloc(first, layout) };
    // Another size of the same class.
    let again = unsafe { bins.alloc(Layout::from_size_align(112, 8).unwrap()) };
    assert_eq!(first, again);
    let many: Vec<*mut u8> = (0..5_000).map(|_| unsafe { bins.alloc(layout) }).collect();
    for pointer in many {
        unsafe { bins.dealloc(pointer, layout) }
    }
    assert!(bins.behind.bytes() <= MOST_HELD + 112, "{}", bins.behind.bytes());
    while let Some(block) = bins.take(6) {
        unsafe { bins.behind.dealloc(block, Layout::from_size_align(112, 8).unwrap()) }
    }
}

#[test]
fn only_small_layouts_have_a_class() {
    let class = |size, align| class_of(Layout::from_size_align(size, align).unwrap());
    assert_eq!(class(0, 1), None);
    assert_eq!(class(SMALL + 1, 1), None);
    assert_eq!(class(8, 32), None);
    assert_eq!(class(1, 1).map(|(class, _)| class), Some(0));
    assert_eq!(class(8, 16), None);
    assert_eq!(class(16, 8).map(|(class, _)| class), Some(0));
    assert_eq!(class(17, 1).map(|(class, _)| class), Some(1));
    assert_eq!(class(SMALL, 8).map(|(class, block)| (class, block.size())), Some((CLASSES - 1, SMALL)));
}
