//! The environment as a value, so that it is read once, at the edge, and tests can have one each.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::Problem;

/// Variables by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// From names and values, as `std::env::vars_os` gives them.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Environment {
        Environment(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable's value, if it is set.
    ///
    /// # Errors
    /// If it is set to something that is not text.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(std::ffi::OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text)),
                None => Err(Problem::variable(name, "its value is not UTF-8 text; set it again")),
            },
        }
    }

    /// The names that begin with `prefix`, in order.
    pub(super) fn names_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = String> + 'a {
        self.0.keys().map(|name| name.to_string_lossy().into_owned()).filter(move |name| name.starts_with(prefix))
    }
}

/// Names only: a value may be a secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
