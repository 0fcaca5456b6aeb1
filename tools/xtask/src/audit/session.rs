//! Asks the demo's people's door: signs in as its account, fetches what a check needs.
//! In: the demo. Out: texts, and the cookie of a fresh session. Trusts the demo's root alone.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::scene::Demo;
use crate::trust;

/// The cookie of somebody who is signed in.
const COOKIE: &str = "__Host-session=";

/// Somebody who asks.
pub struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    /// Nobody yet.
    pub fn new(demo: &Demo) -> Result<Self> {
        let tls = trust::only(&demo.roots)?;
        let config =
            ureq::Agent::config_builder().tls_config(tls).max_redirects(0).http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(20))).build().into();
        Ok(Self { agent, url: demo.url.clone() })
    }

    /// The text of an answer that is 200.
    pub fn text(&self, path: &str, headers: &[(&str, &str)]) -> Result<String> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.call()?;
        if answer.status() != 200 {
            bail!("{path} answered {}", answer.status());
        }
        Ok(answer.body_mut().read_to_string()?)
    }

    /// Signs in as the demo's account; the cookie, name and value.
    pub fn sign_in(&self, demo: &Demo) -> Result<String> {
        let form = [("email", demo.email.as_str()), ("password", demo.password.as_str()), ("next", "")];
        let answer =
            self.agent.post(format!("{}/sign-in", self.url)).header("origin", &self.url).send_form(form)?;
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let session =
            cookies.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with(COOKIE));
        session
            .map(str::to_owned)
            .with_context(|| format!("sign-in answered {} and no session", answer.status()))
    }
}
