//! Counts the tokens of files, a given number of times: something for a profiler to look at.
//! `count ENCODING TIMES FILE…`

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a command line tool")]

use std::{env, fs, hint::black_box};

use nexus_edge_tokens::Encoding;

fn main() {
    let mut arguments = env::args().skip(1);
    let encoding = arguments.next().and_then(|name| Encoding::from_name(&name)).expect("a known encoding");
    let times: usize = arguments.next().and_then(|times| times.parse().ok()).expect("how many times");
    for file in arguments {
        let text = fs::read_to_string(&file).expect("a file of text");
        let mut count = 0;
        for _ in 0..times {
            count = encoding.count(black_box(&text));
        }
        println!("{count} {file}");
    }
}
