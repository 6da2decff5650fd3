//! A token estimate without tables: for reservations before dispatch, and where counting is not possible.
//!
//! The text is split much like the pattern of `o200k_base` does it (words with the space or mark before them, up to
//! three digits, marks in a row, white space), and each piece costs the average of pieces of its kind and length. The
//! weights were fitted to exact counts of English prose, documentation, code, JSON, Chinese, Japanese, Korean,
//! Russian and a dozen European languages, with a slight bias towards too many, which is the safer side for a
//! reservation.
//!
//! Against `o200k_base`, for English, Chinese, both mixed, code and JSON: whole documents within 10 %, and 95 % of
//! passages of a thousand characters within 15 %. For other European languages, Japanese, Korean and Russian: within
//! 15 % and 25 %. `crates/counting/tests/estimate.rs` checks that on texts most of which the weights were fitted on.
//! On other texts, whole documents were within 13 %, for all languages and kinds that were tried; `docs/tokens.md`
//! has the measured errors. A run of one letter, or a text of random letters, may be off by half. For models with
//! other vocabularies, the factors in `nexus_edge_tokens` apply.

/// Thousandths of a token.
type Milli = u64;

/// A word of at most this many lower-case letters costs the least.
const TINY_WORD: u64 = 3;
const TINY_WORD_MILLI: Milli = 920;
/// A word of at most this many is usually one token; each further letter costs this.
const SHORT_WORD: u64 = 6;
const SHORT_WORD_MILLI: Milli = 1000;
const FURTHER_LETTER_MILLI: Milli = 190;
/// A word with letters such as é or ß: its base cost, the cost of each letter, and the cost of each such letter.
const ACCENTED_WORD_MILLI: Milli = 500;
const ACCENTED_WORD_LETTER_MILLI: Milli = 120;
const ACCENT_MILLI: Milli = 1000;
/// A word that begins with several capitals, and each of its letters.
const CAPITALS_MILLI: Milli = 1200;
const CAPITAL_MILLI: Milli = 140;
/// A single mark right before a word (`.name`, `_name`) makes it longer.
const GLUED_MILLI: Milli = 310;
const DIGITS_PER_TOKEN: u64 = 3;
/// Marks in a row: the first, the next three, and any further.
const FIRST_MARK_MILLI: Milli = 900;
const FEW_MARKS: u64 = 4;
const NEXT_MARK_MILLI: Milli = 230;
const FURTHER_MARK_MILLI: Milli = 470;
const NEWLINES_MILLI: Milli = 780;
/// An indentation is one token until it is very long.
const INDENTATION_MILLI: Milli = 1000;
const LONG_INDENTATION: u64 = 20;
const FURTHER_SPACE_MILLI: Milli = 12;
const HAN_MILLI: Milli = 755;
/// The additional cost of a character that only traditional Chinese or Japanese uses.
const TRADITIONAL_MILLI: Milli = 820;
const KANA_MILLI: Milli = 610;
const HANGUL_MILLI: Milli = 710;
const WIDE_MARK_MILLI: Milli = 1050;
const CYRILLIC_WORD_MILLI: Milli = 550;
const CYRILLIC_LETTER_MILLI: Milli = 180;
const ARABIC_LETTER_MILLI: Milli = 330;
const INDIC_LETTER_MILLI: Milli = 390;
const OTHER_LETTER_MILLI: Milli = 500;
/// An emoji or another symbol outside the Basic Multilingual Plane.
const SYMBOL_MILLI: Milli = 2000;

/// Frequent characters that are different in simplified Chinese, in code point order.
const TRADITIONAL: &[char] = &[
    '來', '個', '們', '傳', '億', '兒', '別', '則', '動', '務', '勞', '參', '員', '問', '國', '執', '報',
    '場', '學', '實', '將', '對', '後', '從', '愛', '應', '戰', '擇', '據', '數', '時', '書', '會', '東',
    '業', '樣', '機', '檢', '權', '歡', '歲', '歷', '殺', '氣', '沒', '測', '濟', '灣', '為', '無', '爭',
    '獨', '現', '環', '產', '畢', '異', '當', '療', '發', '盡', '監', '確', '碼', '禮', '種', '稱', '積',
    '穩', '競', '筆', '節', '範', '約', '純', '紙', '級', '細', '終', '組', '結', '絕', '給', '統', '經',
    '綠', '維', '網', '線', '練', '縣', '縮', '總', '績', '繼', '續', '義', '聯', '聲', '職', '聽', '腦',
    '與', '舉', '舊', '華', '萬', '葉', '葛', '藝', '藥', '處', '號', '術', '補', '裝', '裡', '複', '見',
    '規', '視', '親', '覺', '觀', '訂', '計', '訊', '訓', '託', '記', '訪', '設', '許', '評', '詞', '詢',
    '試', '話', '該', '誌', '認', '誠', '誤', '說', '誰', '課', '調', '談', '請', '論', '證', '議', '讀',
    '變', '讓', '貴', '買', '費', '資', '賣', '質', '賽', '趕', '車', '軍', '輸', '轉', '農', '這', '連',
    '進', '運', '過', '遠', '適', '選', '遺', '還', '邊', '醫', '釋', '銀', '錢', '錯', '鏡', '鐵', '長',
    '門', '閉', '開', '間', '關', '陳', '陸', '陽', '隊', '階', '際', '隨', '險', '雖', '雙', '雜', '雞',
    '離', '難', '雲', '電', '靜', '響', '頁', '項', '預', '領', '頭', '題', '願', '類', '顯', '風', '飛',
    '飯', '館', '馬', '驗', '驚', '體', '鬥', '鬧', '魚', '鳥', '麗', '麼', '黃', '點', '齊', '龍',
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Small,
    Capital,
    Accented,
    Digit,
    Mark,
    Space,
    Newline,
    Han,
    Kana,
    Hangul,
    WideMark,
    Cyrillic,
    Arabic,
    Indic,
    OtherLetter,
    Symbol,
}

const fn class_of(character: char) -> Class {
    match character {
        'a'..='z' => Class::Small,
        'A'..='Z' => Class::Capital,
        '0'..='9' => Class::Digit,
        '\n' | '\r' => Class::Newline,
        character if character.is_ascii_punctuation() => Class::Mark,
        character if character.is_ascii() => Class::Space,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Class::Accented,
        '\u{400}'..='\u{52f}' => Class::Cyrillic,
        '\u{590}'..='\u{77f}' => Class::Arabic,
        '\u{900}'..='\u{dff}' => Class::Indic,
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => Class::Hangul,
        '\u{3040}'..='\u{30ff}' => Class::Kana,
        '\u{2010}'..='\u{2027}'
        | '\u{3000}'..='\u{303f}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff65}' => Class::WideMark,
        '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Class::Han,
        '\u{10000}'.. => Class::Symbol,
        _ => Class::OtherLetter,
    }
}

/// The classes of ASCII, in which most text is looked up.
const ASCII: [Class; 128] = {
    let mut classes = [Class::Space; 128];
    let mut byte: u8 = 0;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "below 128, and at compile time")]
        {
            classes[byte as usize] = class_of(byte as char);
        }
        byte += 1;
    }
    classes
};

const fn is_latin(class: Class) -> bool {
    matches!(class, Class::Small | Class::Capital | Class::Accented)
}

/// What precedes a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Space,
    /// A single mark that belongs to the word.
    Mark,
}

/// Estimated tokens of `text`. Linear in its length; zero only for the empty text.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let mut rest = Rest { text, at: 0 };
    let mut milli: Milli = 0;
    let mut before = Before::Nothing;
    while let Some(class) = rest.next_class() {
        let (cost, after) = rest.piece(class, before);
        milli += cost;
        before = after;
    }
    milli.div_ceil(1000)
}

struct Rest<'t> {
    text: &'t str,
    /// Where the next character begins.
    at: usize,
}

impl Rest<'_> {
    /// Consumes the piece that begins with a character of `class`; returns its cost, and its effect on the next
    /// piece.
    fn piece(&mut self, class: Class, before: Before) -> (Milli, Before) {
        let cost = match class {
            Class::Small | Class::Capital | Class::Accented => self.word(before),
            Class::Digit => {
                let space = if before == Before::Space { INDENTATION_MILLI } else { 0 };
                space + self.run(class).div_ceil(DIGITS_PER_TOKEN) * 1000
            }
            Class::Mark => return self.marks(before),
            Class::Space => return self.spaces(),
            Class::Newline => {
                self.run(class);
                NEWLINES_MILLI
            }
            Class::Han => self.han(),
            Class::Kana => self.run(class) * KANA_MILLI,
            Class::Hangul => self.run(class) * HANGUL_MILLI,
            Class::WideMark => self.run(class) * WIDE_MARK_MILLI,
            Class::Cyrillic => CYRILLIC_WORD_MILLI + self.run(class) * CYRILLIC_LETTER_MILLI,
            Class::Arabic => self.run(class) * ARABIC_LETTER_MILLI,
            Class::Indic => self.run(class) * INDIC_LETTER_MILLI,
            Class::OtherLetter => self.run(class) * OTHER_LETTER_MILLI,
            Class::Symbol => self.run(class) * SYMBOL_MILLI,
        };
        // Every piece costs at least something.
        (cost.max(1), Before::Nothing)
    }

    /// Length of the run of characters of a class.
    fn run(&mut self, class: Class) -> u64 {
        let mut length = 0;
        while let Some((_, bytes)) = self.next().filter(|&(next, _)| next == class) {
            self.at += bytes;
            length += 1;
        }
        length
    }

    fn next_class(&self) -> Option<Class> {
        self.next().map(|(class, _)| class)
    }

    /// The class of the next character, and its length in bytes.
    #[inline]
    fn next(&self) -> Option<(Class, usize)> {
        let byte = *self.text.as_bytes().get(self.at)?;
        match ASCII.get(usize::from(byte)) {
            Some(class) => Some((*class, 1)),
            None => self.next_character().map(|next| (class_of(next), next.len_utf8())),
        }
    }

    fn next_character(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    /// Capitals, then lower-case letters: `camelCase` is two words.
    fn word(&mut self, before: Before) -> Milli {
        let capitals = self.run(Class::Capital);
        let mut letters = capitals;
        let mut accents = 0;
        loop {
            letters += self.run(Class::Small);
            match self.run(Class::Accented) {
                0 => break,
                more => (letters, accents) = (letters + more, accents + more),
            }
        }
        let glue = if before == Before::Mark { GLUED_MILLI } else { 0 };
        glue + if accents > 0 {
            ACCENTED_WORD_MILLI + letters * ACCENTED_WORD_LETTER_MILLI + accents * ACCENT_MILLI
        } else if capitals > 1 {
            CAPITALS_MILLI + letters * CAPITAL_MILLI
        } else if letters <= TINY_WORD {
            TINY_WORD_MILLI
        } else {
            SHORT_WORD_MILLI + letters.saturating_sub(SHORT_WORD) * FURTHER_LETTER_MILLI
        }
    }

    /// Marks include the newlines after them; a single mark without a space before it belongs to the word after it.
    fn marks(&mut self, before: Before) -> (Milli, Before) {
        let length = self.run(Class::Mark);
        let next = self.next_class();
        if length == 1 && before != Before::Space && next.is_some_and(is_latin) {
            return (0, Before::Mark);
        }
        if next == Some(Class::Newline) {
            self.run(Class::Newline);
        }
        let few = length.min(FEW_MARKS);
        let cost =
            FIRST_MARK_MILLI + few.saturating_sub(1) * NEXT_MARK_MILLI + (length - few) * FURTHER_MARK_MILLI;
        (cost, Before::Nothing)
    }

    /// One space belongs to what follows it, and white space before a newline to the newline.
    fn spaces(&mut self) -> (Milli, Before) {
        let length = self.run(Class::Space);
        let further = length.saturating_sub(LONG_INDENTATION) * FURTHER_SPACE_MILLI;
        match self.next_class() {
            Some(Class::Newline) => (further, Before::Nothing),
            Some(_) if length == 1 => (0, Before::Space),
            _ => (INDENTATION_MILLI + further, Before::Space),
        }
    }

    fn han(&mut self) -> Milli {
        let mut cost = 0;
        while let Some(character) = self.next_character().filter(|&next| class_of(next) == Class::Han) {
            self.at += character.len_utf8();
            let is_traditional = TRADITIONAL.binary_search(&character).is_ok();
            cost += HAN_MILLI + if is_traditional { TRADITIONAL_MILLI } else { 0 };
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The right-hand numbers are exact counts. `crates/counting` compares with a whole vocabulary.
    #[test]
    fn stays_near_the_real_vocabulary() {
        let cases: [(&str, u64); 5] = [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("Hello, world!", 4),
            ("今天天气很好，我们去公园散步吧。", 11),
            ("fn main() { println!(\"{}\", 42); }", 12),
            ("Привет, как дела?", 6),
        ];
        for (text, real) in cases {
            let estimate = estimate_tokens(text);
            assert!(estimate.abs_diff(real) <= 3, "{text}: {estimate} against {real}");
        }
    }

    #[test]
    fn empty_is_zero_and_anything_else_is_not() {
        assert_eq!(estimate_tokens(""), 0);
        for character in ('\0'..='\u{ffff}').step_by(7).chain("a \n\té。🎉_.".chars()) {
            let text = String::from(character);
            assert!(estimate_tokens(&text) >= 1, "{text:?}");
            assert!(estimate_tokens(&text.repeat(100)) >= 1, "{text:?}");
        }
    }

    #[test]
    fn more_text_is_never_much_less() {
        let text = "let x_1 = fooBar(\"héllo\", 中文字); // ПРИВЕТ 42\n\n    the END 🎉 ".repeat(3);
        let mut last = 0;
        for (end, _) in text.char_indices() {
            let estimate = estimate_tokens(&text[..end]);
            assert!(estimate + 2 >= last, "{:?}", &text[..end]);
            last = estimate;
        }
    }

    #[test]
    fn the_list_of_characters_can_be_searched() {
        assert!(TRADITIONAL.is_sorted());
        assert!(TRADITIONAL.iter().all(|&character| class_of(character) == Class::Han));
    }
}
