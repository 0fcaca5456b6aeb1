//! A provider with an HTTP API, as Twilio and those like it have: a POST whose body is a template.
//!
//! In: a URL, headers and a body with places for number, text and secret, from the configuration. Out: the provider's
//! answer, with the id that it gave the message. What goes into the body is encoded as the body's form demands, so that no
//! text can say anything but itself.

use axum::http::{HeaderName, HeaderValue, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet::notice::PhoneNumber;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::super::NotSent;
use super::super::answers::{self, said};
use crate::outbound::{Answer, Outbound, Reach, Request};

const SIGN_IN: &str = "Set `text.username`, `text.headers` and `text.secret_file` to what the provider knows";

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// The provider.
pub struct HttpProvider {
    /// The way there.
    pub outbound: Outbound,
    /// Where its API is; the operator named it.
    pub url: Url,
    /// Names and templates of headers.
    pub headers: Vec<(HeaderName, String)>,
    /// How the body is written.
    pub form: Body,
    /// Template of the body.
    pub body: String,
    /// Name of HTTP Basic authentication; the secret is its password.
    pub username: Option<String>,
    /// The secret.
    pub secret: String,
    /// Where in its answer, JSON, the id of a message is (RFC 6901).
    pub id: String,
}

impl Body {
    /// Each with its name in the configuration and its media type.
    pub const TABLE: [(Self, &'static str, &'static str); 2] =
        [(Self::Form, "form", "application/x-www-form-urlencoded"), (Self::Json, "json", "application/json")];

    fn media_type(self) -> &'static str {
        Self::TABLE.iter().find(|(form, ..)| *form == self).map_or("", |(_, _, media_type)| media_type)
    }

    fn encoded(self, text: &str) -> String {
        match self {
            Self::Form => byte_serialize(text.as_bytes()).collect(),
            // A JSON string without its quotes, which the template has.
            Self::Json => {
                let quoted = serde_json::Value::from(text).to_string();
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
            }
        }
    }
}

impl HttpProvider {
    /// Sends a text; what the provider said.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, to: &PhoneNumber, text: &str) -> Result<String, NotSent> {
        let request = self.request(to, text)?;
        let answer = self.outbound.ask(request, Reach::Anywhere).await.map_err(answers::missing)?;
        self.judged(&answer)
    }

    fn request(&self, to: &PhoneNumber, text: &str) -> Result<Request<'_>, NotSent> {
        let values = [("{to}", to.as_str()), ("{text}", text), ("{secret}", &self.secret)];
        let body = filled(&self.body, &values, |value| self.form.encoded(value));
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|error| NotSent::Refused(error.to_string()));
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static(self.form.media_type())),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ];
        if let Some(username) = &self.username {
            let pair = STANDARD.encode(format!("{username}:{}", self.secret));
            headers.push((header::AUTHORIZATION, value(&format!("Basic {pair}"))?));
        }
        for (name, template) in &self.headers {
            let mut value = value(&filled(template, &[("{secret}", &self.secret)], str::to_owned))?;
            value.set_sensitive(true);
            headers.push((name.clone(), value));
        }
        Ok(Request { method: Method::POST, url: &self.url, headers, body: body.into_bytes() })
    }

    fn judged(&self, answer: &Answer) -> Result<String, NotSent> {
        match answer.status {
            200..=299 => {
                let json: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
                let id = json.as_ref().and_then(|json| json.pointer(&self.id)).map(|id| match id {
                    serde_json::Value::String(id) => id.clone(),
                    other => other.to_string(),
                });
                Ok(id.map_or_else(|| said(answer), |id| format!("{} id {}", answer.status, clean(&id))))
            }
            401 | 403 => Err(NotSent::NoWay {
                what: format!("the provider of text messages does not let us in: {}", said(answer)),
                what_to_do: SIGN_IN,
            }),
            408 | 425 | 429 | 500..=599 => Err(NotSent::Deferred(said(answer))),
            _ => Err(NotSent::Refused(said(answer))),
        }
    }
}

/// The template with its places filled in, each once: what is put in is not looked at again.
fn filled(template: &str, values: &[(&str, &str)], encoded: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    loop {
        let next = values.iter().filter_map(|(place, value)| Some((rest.find(place)?, *place, *value))).min();
        let Some((at, place, value)) = next else { break };
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(&encoded(value));
        rest = rest.get(at + place.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn clean(id: &str) -> String {
    id.chars().filter(|character| character.is_ascii_graphic()).take(64).collect()
}

impl std::fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpProvider").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(form: Body, body: &str) -> HttpProvider {
        HttpProvider {
            outbound: Outbound::new(Vec::new(), Vec::new()).unwrap(),
            url: Url::parse("https://api.texts.example/Messages.json").unwrap(),
            headers: vec![(HeaderName::from_static("x-api-key"), "key {secret}".to_owned())],
            form,
            body: body.to_owned(),
            username: Some("AC1".to_owned()),
            secret: "s&\"cret".to_owned(),
            id: "/sid".to_owned(),
        }
    }

    fn number() -> PhoneNumber {
        PhoneNumber::parse("+16175550119").unwrap()
    }

    /// ASVS 5.0: 1.1.2, 1.2.3, 1.3.7, 1.3.10.
    #[test]
    fn a_text_can_say_nothing_but_itself() {
        let text = "A&B=\"C\"\n{to} {secret} €";
        let body = |provider: &HttpProvider| {
            String::from_utf8(provider.request(&number(), text).unwrap().body).unwrap()
        };
        let form = provider(Body::Form, "To={to}&From=%2B1500&Body={text}");
        assert_eq!(
            body(&form),
            "To=%2B16175550119&From=%2B1500&Body=A%26B%3D%22C%22%0A%7Bto%7D+%7Bsecret%7D+%E2%82%AC"
        );
        let json = provider(Body::Json, r#"{"to": "{to}", "text": "{text}", "key": "{secret}"}"#);
        let parsed: serde_json::Value = serde_json::from_str(&body(&json)).unwrap();
        assert_eq!(parsed, serde_json::json!({"to": "+16175550119", "text": text, "key": "s&\"cret"}));
        let request = json.request(&number(), text).unwrap();
        let header =
            |name: &str| request.headers.iter().find(|(n, _)| n == name).unwrap().1.to_str().unwrap();
        assert_eq!(header("authorization"), format!("Basic {}", STANDARD.encode("AC1:s&\"cret")));
        assert_eq!((header("x-api-key"), header("content-type")), ("key s&\"cret", "application/json"));
        assert!(!format!("{json:?}").contains("cret"));
    }

    #[test]
    fn what_the_provider_says_is_the_receipt() {
        let check = |status, body: &str, expect: &str| {
            let answer = Answer { status, body: body.as_bytes().to_vec() };
            let judged = match provider(Body::Form, "").judged(&answer) {
                Ok(said) => format!("ok {said}"),
                Err(NotSent::Refused(said)) => format!("refused {said}"),
                Err(NotSent::Deferred(said)) => format!("deferred {said}"),
                Err(NotSent::NoWay { what, .. }) => what,
                Err(other) => format!("{other:?}"),
            };
            assert_eq!(judged, expect);
        };
        check(201, r#"{"sid":"SM12","status":"queued"}"#, "ok 201 id SM12");
        check(200, r#"{"sid":17}"#, "ok 200 id 17");
        check(200, r#"{"sid":"a b\n\u001b"}"#, "ok 200 id ab");
        check(202, "taken", "ok 202 taken");
        check(
            400,
            r#"{"message":"not a mobile number"}"#,
            r#"refused 400 {"message":"not a mobile number"}"#,
        );
        check(429, "", "deferred 429");
        check(503, "later", "deferred 503 later");
        check(401, "who", "the provider of text messages does not let us in: 401 who");
    }
}
