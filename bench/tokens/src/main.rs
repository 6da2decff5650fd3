//! Counts the same texts with every contestant in turn, and prints how they compare.

use std::{collections::HashSet, env, fs, hint::black_box, path::Path, time::Instant};

use nexus_edge_core::tokens::estimate_tokens;
use nexus_edge_tokens::Encoding;

struct Contestant {
    name: &'static str,
    count: Box<dyn Fn(&str) -> Option<usize>>,
}

fn contestants(encoding: Encoding) -> Vec<Contestant> {
    let (reference, linear, cached): (_, _, fn() -> tiktoken::CoreBpe) = match encoding {
        Encoding::Cl100kBase => {
            (tiktoken_rs::cl100k_base_singleton(), bpe_openai::cl100k_base(), tiktoken::encoding::cl100k_base)
        }
        _ => (tiktoken_rs::o200k_base_singleton(), bpe_openai::o200k_base(), tiktoken::encoding::o200k_base),
    };
    let cached = cached();
    let ordinary = HashSet::new();
    vec![
        Contestant { name: "nexus-edge-tokens", count: Box::new(move |text| Some(encoding.count(text))) },
        Contestant { name: "encode", count: Box::new(move |text| Some(encoding.encode(text).len())) },
        Contestant {
            name: "tiktoken-rs",
            count: Box::new(move |text| reference.count(text, &ordinary).ok()),
        },
        Contestant { name: "bpe-openai", count: Box::new(move |text| Some(linear.count(text))) },
        Contestant { name: "tiktoken", count: Box::new(move |text| Some(cached.count(text))) },
    ]
}

/// How far the estimate without tables is from `o200k_base`, of the whole text and of its passages of 1000 characters.
fn print_estimates(files: &[String]) {
    println!("\nthe estimate against o200k_base, in percent");
    println!("{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "whole", "least", "5 %", "95 %", "most");
    let error = |text: &str| {
        (estimate_tokens(text) as f64 / Encoding::O200kBase.count(text) as f64 - 1.0) * 100.0
    };
    for file in files {
        let text = fs::read_to_string(file).expect("the corpus can be read");
        let characters: Vec<char> = text.chars().collect();
        let mut errors: Vec<f64> =
            characters.chunks_exact(1000).map(|passage| error(&passage.iter().collect::<String>())).collect();
        errors.sort_by(f64::total_cmp);
        let at = |share: f64| errors.get((errors.len() as f64 * share) as usize).copied().unwrap_or_default();
        let name = name_of(file);
        let (whole, most) = (error(&text), errors.last().copied().unwrap_or_default());
        println!("{name:<16}{whole:>+10.1}{:>+10.1}{:>+10.1}{:>+10.1}{most:>+10.1}", at(0.0), at(0.05), at(0.95));
    }
}

fn name_of(file: &str) -> String {
    Path::new(file).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn main() {
    let mut arguments = env::args().skip(1);
    let rounds: usize = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let files: Vec<String> = arguments.collect();
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        println!("\n{}, tables of {} KB", encoding.name(), encoding.table_bytes() / 1000);
        println!(
            "{:<16}{:>10}{:>14}{:>9}{:>14}{:>12}{:>10}{:>12}",
            "", "MB/s", "bytes/token", "encode", "tiktoken-rs", "bpe-openai", "tiktoken", "time/MB"
        );
        let contestants = contestants(encoding);
        let mut first = None;
        for file in &files {
            let name = name_of(file);
            let text = fs::read_to_string(file).expect("the corpus can be read");
            let counts: Vec<Option<usize>> =
                contestants.iter().map(|contestant| (contestant.count)(&text)).collect();
            for (count, contestant) in counts.iter().zip(&contestants) {
                if *count != counts[0] {
                    println!("{name}: {} counts {count:?}, not {:?}", contestant.name, counts[0]);
                }
            }
            let mut best = vec![f64::INFINITY; contestants.len()];
            for round in 0..rounds {
                for (best, contestant) in best.iter_mut().zip(&contestants) {
                    // Who is very much slower need not be waited for fifteen times.
                    if round > 1 && *best > 1.0 {
                        continue;
                    }
                    let start = Instant::now();
                    black_box((contestant.count)(black_box(&text)));
                    *best = best.min(start.elapsed().as_secs_f64());
                }
            }
            let megabytes = text.len() as f64 / 1e6;
            let per_megabyte = best[0] / megabytes;
            let first = *first.get_or_insert(per_megabyte);
            let ratio = |index: usize| {
                counts[index].map_or("gives up".to_owned(), |_| format!("{:.1}x", best[index] / best[0]))
            };
            println!(
                "{name:<16}{:>10.1}{:>14.2}{:>9}{:>14}{:>12}{:>10}{:>11.2}x",
                1.0 / per_megabyte,
                text.len() as f64 / counts[0].unwrap_or(1) as f64,
                ratio(1),
                ratio(2),
                ratio(3),
                ratio(4),
                per_megabyte / first,
            );
        }
    }
    print_estimates(&files);
}
