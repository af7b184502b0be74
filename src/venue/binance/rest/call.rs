//! A request as it is described before it is signed and sent.

use std::fmt::Write as _;
use std::marker::PhantomData;

use reqwest::Method;

use super::super::sign::Signer;
use super::Priority;
use crate::types::Timestamp;

/// Room for the parameters of an order with its signature.
const FORM_BYTES: usize = 384;

/// Parameters of the longest request.
const MOST_PARAMS: usize = 12;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Anybody.
    Public,
    /// Whoever has a key.
    Key,
    /// Whoever can sign.
    Signed,
}

/// Which of the venue's hosts is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// That of futures.
    Futures,
    /// That of the account with all its wallets: what a key may do is told there.
    Account,
}

/// A request whose reply is a `T`.
#[derive(Debug)]
pub(crate) struct Call<T> {
    pub(super) method: Method,
    pub(super) host: Host,
    pub(super) path: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) security: Security,
    /// Weight that it uses of the address's minute.
    pub(super) weight: u32,
    /// Does it count as an order?
    pub(super) counts_as_order: bool,
    pub(super) priority: Priority,
    /// Is it of the order path? Its window and its deadline are short then.
    pub(super) is_order: bool,
    reply: PhantomData<fn() -> T>,
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Call<T> {
        Call { method: self.method.clone(), params: self.params.clone(), ..*self }
    }
}

impl<T> Call<T> {
    pub(super) fn new(method: Method, path: &'static str, security: Security, weight: u32) -> Call<T> {
        Call {
            method,
            host: Host::Futures,
            path,
            params: Vec::with_capacity(MOST_PARAMS),
            security,
            weight,
            counts_as_order: false,
            priority: Priority::Ordinary,
            is_order: false,
            reply: PhantomData,
        }
    }

    pub(super) fn get(path: &'static str, security: Security, weight: u32) -> Call<T> {
        Call::new(Method::GET, path, security, weight)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Call<T> {
        self.params.push((name, value.to_string()));
        self
    }

    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Call<T> {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn at(mut self, host: Host) -> Call<T> {
        self.host = host;
        self
    }

    /// Of the order path.
    pub(super) fn order(mut self) -> Call<T> {
        self.is_order = true;
        self
    }

    /// Counts against the limits of orders.
    pub(super) fn counted(mut self) -> Call<T> {
        self.counts_as_order = true;
        self
    }

    /// The same request with another claim to the budget.
    pub(crate) fn with_priority(mut self, priority: Priority) -> Call<T> {
        self.priority = priority;
        self
    }

    /// Does it leave everything at the venue as it was? Only then may it be sent again.
    pub(super) fn only_reads(&self) -> bool {
        self.method == Method::GET
    }

    /// Its parameters as they travel.
    pub(super) fn form(&self) -> String {
        let mut text = String::with_capacity(FORM_BYTES);
        for (name, value) in &self.params {
            push(&mut text, name, value);
        }
        text
    }

    /// The same with time and window, and signed.
    pub(super) fn signed_form(&self, signer: &Signer, at: Timestamp, recv_window_ms: i64) -> String {
        let mut text = self.form();
        push(&mut text, "recvWindow", &recv_window_ms.to_string());
        push(&mut text, "timestamp", &at.as_millis().to_string());
        let signature = signer.sign(text.as_bytes());
        push(&mut text, "signature", &signature);
        text
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    text.push_str(name);
    text.push('=');
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if value.bytes().all(stays) {
        return text.push_str(value);
    }
    for byte in value.bytes() {
        if stays(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_is_sent() {
        let call: Call<()> = Call::new(Method::POST, "/fapi/v1/order", Security::Signed, 0)
            .with("symbol", "测试USDT")
            .with_some("price", Some("9000"))
            .with_some("never", None::<u8>);
        let signer = Signer::new("secret");
        let form = call.signed_form(&signer, Timestamp::from_millis(1_591_702_613_943), 5_000);
        let (payload, signature) = form.rsplit_once("&signature=").expect("signed");
        let expect = "symbol=%E6%B5%8B%E8%AF%95USDT&price=9000&recvWindow=5000&timestamp=1591702613943";
        assert_eq!(payload, expect);
        assert_eq!(signature, signer.sign(expect.as_bytes()));
    }
}
