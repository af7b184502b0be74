//! What must not be shown: read from the environment, or from files that it names, and never from the
//! configuration file, so that settings can be printed, recorded and sent around.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::load::read_text;
use super::{Environment, Problem, Settings, Source};

/// The folder where systemd puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The name of a secret, which is also that of its variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// Of the bot that sends messages.
    TelegramBotToken,
    /// Public half of the venue's key pair.
    BinanceKey,
    /// Private half of the venue's key pair.
    BinanceSecret,
}

/// The secrets that are set. `Debug` shows where they come from, never what they are.
#[derive(Debug, Default)]
pub struct Secrets {
    found: Vec<(SecretName, SecretString, Source)>,
}

impl SecretName {
    /// Every secret.
    pub const ALL: [SecretName; 3] = [SecretName::TelegramBotToken, SecretName::BinanceKey, SecretName::BinanceSecret];

    /// The variable's name.
    pub const fn variable(self) -> &'static str {
        match self {
            SecretName::TelegramBotToken => "TELEGRAM_BOT_TOKEN",
            SecretName::BinanceKey => "BINANCE_KEY",
            SecretName::BinanceSecret => "BINANCE_SECRET",
        }
    }
}

impl Secrets {
    /// Reads each secret from its variable, from the file that `NAME_FILE` names, or from systemd's credentials.
    pub(super) fn read(environment: &Environment, problems: &mut Vec<Problem>) -> Secrets {
        let mut secrets = Secrets::default();
        for name in SecretName::ALL {
            match read_one(name.variable(), environment) {
                Ok(Some((secret, source))) => secrets.found.push((name, secret, source)),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        secrets
    }

    /// A secret, if it is set.
    pub fn get(&self, name: SecretName) -> Option<&SecretString> {
        self.found.iter().find(|(one, ..)| *one == name).map(|(_, secret, _)| secret)
    }

    /// Where a secret comes from, if it is set.
    pub fn source(&self, name: SecretName) -> Option<&Source> {
        self.found.iter().find(|(one, ..)| *one == name).map(|(.., source)| source)
    }

    /// All that are set, for whoever keeps them out of logs.
    pub fn all(&self) -> Vec<SecretString> {
        self.found.iter().map(|(_, secret, _)| secret.clone()).collect()
    }

    /// What is wrong with the secrets in the light of the settings.
    pub(super) fn complaints(&self, settings: &Settings) -> Option<String> {
        settings.notify.check_token(self.get(SecretName::TelegramBotToken)).err()
    }
}

fn read_one(name: &str, environment: &Environment) -> Result<Option<(SecretString, Source)>, Problem> {
    let file_variable = format!("{name}_FILE");
    let direct = environment.get(name)?;
    let file = environment.get(&file_variable)?;
    let credential = environment.get(CREDENTIALS)?.map(|folder| Path::new(folder).join(name));
    let (text, from) = match (direct, file, credential.filter(|path| path.exists())) {
        (Some(_), Some(_), _) => {
            let message = format!("{file_variable} is set too, and only one of them can count; unset one");
            return Err(Problem::variable(name, message));
        }
        (Some(text), None, _) => (text.to_owned(), name.to_owned()),
        (None, Some(path), _) => (read_secret(&file_variable, PathBuf::from(path))?, file_variable),
        (None, None, Some(path)) => (read_secret(CREDENTIALS, path)?, format!("{CREDENTIALS}/{name}")),
        (None, None, None) => return Ok(None),
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = "the secret is empty or has blanks in it; set it again, or unset the variable";
        return Err(Problem::variable(&from, message));
    }
    Ok(Some((SecretString::from(secret), Source::Variable(from))))
}

fn read_secret(variable: &str, path: PathBuf) -> Result<String, Problem> {
    read_text(&path).map_err(|error| {
        // The path is worth showing; what the file holds is not, and an I/O error does not quote it.
        Problem::variable(variable, format!("{} cannot be read: {error}", path.display()))
    })
}
