//! Parameters as they travel: `a=1&b=2`, percent-encoded.

/// Most parameters of one request: the longest that Binance describes has some twenty.
const MAX_PARAMS: usize = 64;

/// The parameters of a request, in the order of their coming.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

/// Parameters that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Form {
    /// Reads a query string or a form's body.
    ///
    /// # Errors
    /// If an escape is broken, the bytes are not UTF-8, or there are too many parameters.
    pub(crate) fn parse(parts: &[&[u8]]) -> Result<Form, Malformed> {
        let mut pairs = Vec::new();
        for part in parts {
            for pair in part.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
                let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
                let (name, value) = (&pair[..at], pair.get(at + 1..).unwrap_or_default());
                pairs.push((decode(name)?, decode(value)?));
            }
        }
        if pairs.len() > MAX_PARAMS { Err(Malformed) } else { Ok(Form(pairs)) }
    }

    /// A form of these pairs.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Form {
        Form(pairs)
    }

    /// The value of a name; an empty one counts as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of the last parameter, if it has this name: a signature ends what it signs.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

fn decode(text: &[u8]) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16)).ok_or(Malformed);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).map_err(|_| Malformed)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Malformed)
}

/// What comes before the signature in signed parameters, and the signature. None if there is none.
pub(crate) fn split_signature(signed: &[u8]) -> Option<(Vec<u8>, &str)> {
    const NAME: &[u8] = b"signature=";
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut signature = None;
    for pair in signed.split(|byte| *byte == b'&') {
        match pair.strip_prefix(NAME) {
            Some(value) if signature.is_none() => signature = std::str::from_utf8(value).ok(),
            _ => kept.push(pair),
        }
    }
    signature.map(|signature| (kept.join(&b'&'), signature))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_as_it_was_meant() {
        let form = Form::parse(&[b"a=1&b=%5B1%2C2%5D&c=&d", b"e=x+y&a=2&f=%E6%B5%8B"]).expect("a form");
        for (name, value) in [
            ("a", Some("1")),
            ("b", Some("[1,2]")),
            ("c", None),
            ("d", None),
            ("e", Some("x y")),
            ("f", Some("测")),
            ("g", None),
        ] {
            assert_eq!(form.get(name), value, "{name}");
        }
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(Form::parse(&[bad.as_bytes()]), Err(Malformed), "{bad}");
        }
        assert_eq!(Form::parse(&["a=1&".repeat(65).as_bytes()]), Err(Malformed));
    }

    #[test]
    fn the_signature_is_taken_out_wherever_it_stands() {
        assert_eq!(split_signature(b"a=1&b=2&signature=ff"), Some((b"a=1&b=2".to_vec(), "ff")));
        assert_eq!(split_signature(b"signature=ff&a=1"), Some((b"a=1".to_vec(), "ff")));
        assert_eq!(split_signature(b"a=1"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_give_ok_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&[&bytes]);
            let _ = split_signature(&bytes);
        }
    }
}
