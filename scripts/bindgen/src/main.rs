//! `bindgen <in.wasm> <folder>`: the Worker as cargo left it, as `index_bg.wasm` with the JavaScript around it, `index.js`,
//! in a folder. Snippets, the JavaScript that crates bring with them, lie in `snippets/` there.
//!
//! The program `wasm-bindgen` does the same, and more besides: this one is its library and nothing else, which takes a
//! fraction of the time to compile.

use std::env::args_os;
use std::error::Error;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let [input, folder] =
        args_os().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: bindgen <in.wasm> <folder>")?;
    Bindgen::new()
        .input_path(input)
        .out_name("index")
        .module(true)?
        .typescript(false)
        // Recovery after a panic: `src/entry.mjs` replaces the instance with the function that this adds.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate(folder)?;
    Ok(())
}
