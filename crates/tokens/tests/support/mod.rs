//! Generated texts: enough like real ones to meet the common paths, and enough unlike them to meet all others.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "random numbers are cut to size, and a test may panic"
)]

/// `SplitMix64`: small, and the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Characters that the patterns treat each in its own way.
const EDGES: &[&str] = &[
    " ",
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    " \n",
    "\n ",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{a0}",
    "\u{1680}",
    "\u{2003}",
    "\u{2028}",
    "\u{2029}",
    "\u{202f}",
    "\u{205f}",
    "\u{3000}",
    "\u{200b}",
    "\u{feff}",
    "\u{180e}",
    "'",
    "'",
    "''",
    "\u{2019}",
    "'s",
    "'S",
    "'\u{17f}",
    "'t",
    "'re",
    "'RE",
    "'rE",
    "'ve",
    "'Ve",
    "'m",
    "'M",
    "'ll",
    "'LL",
    "'lL",
    "'d",
    "'r",
    "'v",
    "'l",
    "'\u{212a}",
    "s",
    "t",
    "re",
    "ll",
    "e",
    "\u{17f}",
    "\u{212a}",
    "a",
    "b",
    "A",
    "B",
    "Z",
    "z",
    "aA",
    "Aa",
    "AA",
    "aa",
    "ABc",
    "\u{e9}",
    "\u{c9}",
    "\u{df}",
    "\u{130}",
    "\u{131}",
    "\u{1c5}",
    "\u{1c8}",
    "\u{2b0}",
    "\u{2c6}",
    "\u{aa}",
    "\u{ba}",
    "\u{1bb}",
    "\u{294}",
    "\u{3005}",
    "\u{30fc}",
    "\u{301}",
    "\u{300}",
    "\u{903}",
    "\u{20dd}",
    "\u{fe0f}",
    "\u{93e}",
    "\u{e0101}",
    "0",
    "1",
    "12",
    "123",
    "1234",
    "\u{b2}",
    "\u{bd}",
    "\u{2160}",
    "\u{660}",
    "\u{967}",
    "\u{3007}",
    "\u{1d7ce}",
    "\u{10107}",
    "/",
    "//",
    "/\n",
    "!",
    "?",
    ".",
    ",",
    "-",
    "--",
    "_",
    "#",
    "{",
    "}",
    "(",
    ")",
    "<|",
    "|>",
    "\\",
    "\u{3002}",
    "\u{ff0c}",
    "\u{20ac}",
    "\u{0}",
    "\u{1}",
    "\u{7f}",
    "\u{ad}",
    "\u{600}",
    "\u{e000}",
    "\u{fffd}",
    "\u{10ffff}",
    "\u{378}",
    "\u{4e2d}",
    "\u{6587}",
    "\u{3042}",
    "\u{30a2}",
    "\u{d55c}",
    "\u{e01}",
    "\u{e31}",
    "\u{5d0}",
    "\u{627}",
    "\u{430}",
    "\u{410}",
    "\u{1f600}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{1f44d}\u{1f3fd}",
    "\u{10400}",
    "\u{10428}",
    "\u{1e900}",
    "\u{1e922}",
];

/// First and last letters of scripts.
const SCRIPTS: &[(u32, u32)] = &[
    (0x41, 0x5a),
    (0x61, 0x7a),
    (0x61, 0x7a),
    (0xc0, 0x24f),
    (0x370, 0x3ff),
    (0x400, 0x52f),
    (0x531, 0x58a),
    (0x590, 0x5ff),
    (0x600, 0x6ff),
    (0x700, 0x74f),
    (0x900, 0x97f),
    (0x980, 0x9ff),
    (0xb80, 0xbff),
    (0xe00, 0xe7f),
    (0xe80, 0xeff),
    (0xf00, 0xfff),
    (0x1000, 0x109f),
    (0x10a0, 0x10ff),
    (0x1100, 0x11ff),
    (0x1200, 0x137f),
    (0x13a0, 0x13ff),
    (0x1780, 0x17ff),
    (0x1e00, 0x1eff),
    (0x1f00, 0x1fff),
    (0x2000, 0x206f),
    (0x2100, 0x214f),
    (0x2190, 0x23ff),
    (0x2c60, 0x2c7f),
    (0x2de0, 0x2dff),
    (0x3000, 0x30ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x4fff),
    (0x4e00, 0x9fff),
    (0xa640, 0xa69f),
    (0xa720, 0xa7ff),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfb00, 0xfdff),
    (0xfe00, 0xfeff),
    (0xff00, 0xffef),
    (0x10330, 0x1034f),
    (0x10400, 0x1044f),
    (0x12000, 0x123ff),
    (0x1d400, 0x1d7ff),
    (0x1e900, 0x1e95f),
    (0x1f000, 0x1faff),
    (0x20000, 0x2a6df),
    (0xe0100, 0xe01ef),
];

const WORDS: &str = "the of and to in is that it was for on are with as his they at be this from have or by one had not but \
    what all were when we there can an your which their said if do will each about how up out them then she many some so these \
    would other into has more her two like him see time could no make than first been its who now people my made over did down \
    only way find use may water long little very after words called just where most know internationalisation electroencephalograph \
    antidisestablishmentarianism xylophone tokenizer Kubernetes PostgreSQL serde_json HTTPServer getElementById NASA iPhone McDonald \
    don't we'll they've I'm it's you're he'd DON'T WE'LL naïve café Übermäßigkeit Ångström coöperate résumé Москва привет сегодня \
    человек который Ελλάδα καλημέρα שלום العربية السلام हिन्दी नमस्ते ภาษาไทย 今天天气很好 我们去公园散步 東京都 ありがとうございます 안녕하세요 대한민국";

const CODE: &[&str] = &[
    "fn main() {\n    println!(\"{}\", 42);\n}\n",
    "if (x == null) { return; }\n",
    "for i in range(10):\n        print(i)\n",
    "const handler = async (event) => {\n\tawait fetch(`${url}/api/v1`);\n};\n",
    "SELECT * FROM users WHERE id = $1;\n",
    "<div class=\"container\">\n    <p>Hello</p>\n</div>\n",
    "/* comment */ // more\n",
    "#include <stdio.h>\n",
    "{\"a\": [1, 2.5e-3, null], \"b\": {}}",
    "let mut v: Vec<Option<&'static str>> = vec![];\n",
    "https://example.com/path/to?query=1&x=%20#frag",
    "0xDEADBEEF 1_000_000 3.14159f64\n",
    "std::collections::HashMap::<String, u64>::new()\n",
    "    \t  return self._private__name[0:-1]\r\n",
    "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n",
    "\\frac{\\partial f}{\\partial x}",
    "$$$ ### @@@ !!! ??? ...... ====== ~~~~~~",
    "a+b-c*d/e%f^g&h|i",
    "//////\n//\n/",
    "user@example.com",
];

fn character(random: &mut Random, (first, last): (u32, u32)) -> char {
    char::from_u32(first + random.below((last - first + 1) as usize) as u32).unwrap_or('\u{fffd}')
}

/// A text of about `length` bytes of one of many kinds.
pub fn text(random: &mut Random, length: usize) -> String {
    let mut text = String::with_capacity(length + 64);
    let kind = random.below(10);
    let script = SCRIPTS[random.below(SCRIPTS.len())];
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let few: Vec<&str> = (0..=random.below(4)).map(|_| random.pick(EDGES)).collect();
    while text.len() < length {
        match kind {
            // Words, as sentences.
            0 | 1 => {
                text.push_str(random.pick(&words));
                text.push_str(
                    random.pick(&[" ", " ", " ", " ", " ", " ", ", ", ". ", "\n", "? ", " - ", "; "]),
                );
            }
            // Code.
            2 => {
                text.push_str(random.pick(CODE));
                if random.below(3) == 0 {
                    text.push_str(random.pick(&words));
                }
            }
            // What the patterns treat each in its own way.
            3 | 4 => text.push_str(random.pick(EDGES)),
            // The same, but few different ones.
            5 => text.push_str(random.pick(&few)),
            // One script.
            6 => {
                text.push(character(random, script));
                if random.below(8) == 0 {
                    text.push_str(random.pick(EDGES));
                }
            }
            // Any characters.
            7 => text.push(char::from_u32(random.below(0x11_0000) as u32).unwrap_or(' ')),
            // Random bytes.
            8 => {
                let bytes: Vec<u8> = (0..16).map(|_| random.next() as u8).collect();
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
            // Runs and what breaks them.
            _ => {
                let piece = if random.below(4) == 0 { random.pick(&words) } else { random.pick(EDGES) };
                let most = 1 << random.below(10);
                for _ in 0..=random.below(most) {
                    text.push_str(piece);
                }
            }
        }
    }
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
