//! The module's allocator: free lists of small blocks before the one of the standard library (`crates/allocator`).

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: nexus_edge_allocator::Bins<std::alloc::System> =
    nexus_edge_allocator::Bins::before(std::alloc::System);
