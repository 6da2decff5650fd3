#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| nexus_edge_core_fuzz::tunnel::tunnel_frames(data));
