//! Rust source as far as the rules need it: without comments, with or without texts, with or without tests.

/// A file of the project.
#[derive(Debug, Clone)]
pub struct Source {
    /// From the project's root: `src/engine/mod.rs`.
    pub path: String,
    /// As it is.
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// Is all of it a test?
    pub fn is_test(&self) -> bool {
        let stem = self.path.trim_end_matches(".rs");
        !self.path.starts_with("src/") || stem.split('/').any(|part| part == "tests" || part.ends_with("_tests"))
    }

    /// The code that ships, without comments and texts. Lines keep their numbers but for tests, which are cut.
    pub fn shipped_code(&self) -> String {
        if self.is_test() { String::new() } else { without_tests(&blanked(&self.text, true)) }
    }

    /// The path of its module: `["engine"]` of `src/engine/mod.rs`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        let parts = inner.split('/').filter(|part| *part != "lib");
        parts.map(str::to_owned).collect()
    }
}

/// The text with comments replaced by blanks, and what stands in quotes too if `texts`. Line breaks stay.
pub fn blanked(source: &str, texts: bool) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let (end, is_text) = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => (line_end(&chars, at), false),
            '/' if chars.get(at + 1) == Some(&'*') => (comment_end(&chars, at), false),
            '"' => (quote_end(&chars, at), true),
            '\'' if is_char(&chars, at) => (char_end(&chars, at), true),
            'r' if !is_word(chars.get(at.wrapping_sub(1))) && raw_hashes(&chars, at).is_some() => {
                (raw_end(&chars, at), true)
            }
            c => {
                out.push(c);
                at += 1;
                continue;
            }
        };
        let piece = &chars[at..end.min(chars.len())];
        if is_text && !texts {
            out.extend(piece);
        } else if is_text {
            // The quotes stay, so that an argument is still seen to be one.
            out.push('"');
            out.extend(piece.iter().filter(|c| **c == '\n'));
            out.push('"');
        } else {
            out.extend(piece.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        }
        at = end;
    }
    out
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

fn comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0_usize, at);
    while here < chars.len() {
        match (chars[here], chars.get(here + 1)) {
            ('/', Some('*')) => (depth, here) = (depth + 1, here + 2),
            ('*', Some('/')) => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            return here;
        }
    }
    here
}

fn quote_end(chars: &[char], at: usize) -> usize {
    let mut here = at + 1;
    while here < chars.len() && chars[here] != '"' {
        here += if chars[here] == '\\' { 2 } else { 1 };
    }
    here + 1
}

/// A lifetime has no second quote two places on.
fn is_char(chars: &[char], at: usize) -> bool {
    chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')
}

fn char_end(chars: &[char], at: usize) -> usize {
    let mut here = at + 1;
    while here < chars.len() && chars[here] != '\'' {
        here += if chars[here] == '\\' { 2 } else { 1 };
    }
    here + 1
}

fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = raw_hashes(chars, at).unwrap_or(0);
    let mut here = at + 2 + hashes;
    while here < chars.len() {
        if chars[here] == '"' && chars[here + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return here + 1 + hashes;
        }
        here += 1;
    }
    here
}

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || *c == '_')
}

/// Code without the items behind `#[cfg(test)]`. Its texts must be blank already.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut left = code;
    while let Some(at) = left.find(MARK) {
        out.push_str(&left[..at]);
        left = &left[at + MARK.len()..];
        left = &left[item_end(left)..];
    }
    out.push_str(left);
    out
}

/// Where the item ends that begins here, further attributes included.
fn item_end(code: &str) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '{' => braces += 1,
            '}' if braces <= 1 => return at + 1,
            '}' => braces -= 1,
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            ';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where the bracket that stands at `open` is closed; the end if it is not.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at;
        }
    }
    code.len()
}

/// The number of the line that holds this byte, from 1.
pub fn line_of(code: &str, at: usize) -> usize {
    1 + code[..at].matches('\n').count()
}

/// Where `word` stands in the code with nothing of a word before and after it.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let first = word.chars().next().is_some_and(joins);
    let last = word.chars().next_back().is_some_and(joins);
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back().is_some_and(joins);
        let after = code[at + word.len()..].chars().next().is_some_and(joins);
        !(first && before) && !(last && after)
    })
}
