//! Amazon SNS, by Amazon's own SDK, where the feature `sns` is compiled in.
//!
//! In: a region, an access key with its secret, a number, a text. Out: the message's id at SNS. The SDK tries once: what
//! comes after a failure is the outbox's to decide.

use std::time::Duration;

use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::error::{DisplayErrorContext, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_sns::{Client, Config};
use fleet::notice::PhoneNumber;

use super::super::{NotSent, answers};

/// From the connection to the answer.
const PATIENCE: Duration = Duration::from_secs(10);
const SIGN_IN: &str =
    "Set `text.access_key`, `text.secret_file` and `text.region` to what AWS knows, and allow sns:Publish";

/// Errors of SNS by which nothing goes until an operator mends something, and those that pass.
const OPERATORS: [&str; 6] = [
    "AuthorizationError",
    "AccessDenied",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "ExpiredToken",
];
const PASSING: [&str; 4] = ["Throttled", "Throttling", "ThrottlingException", "InternalError"];

/// The provider.
#[derive(Clone, Debug)]
pub struct Sns {
    client: Client,
}

/// How it is reached.
pub struct SnsAccess<'a> {
    /// For example `eu-central-1`.
    pub region: &'a str,
    /// The access key's id.
    pub access_key: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// Where SNS is; Amazon's own unless set.
    pub endpoint: Option<&'a str>,
}

impl Sns {
    /// Knows the way; nothing is sent yet.
    #[must_use]
    pub fn new(access: &SnsAccess<'_>) -> Self {
        let credentials = Credentials::new(access.access_key, access.secret, None, None, "inverter-connect");
        let timeouts = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(access.region.to_owned()))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = access.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(config.build()) }
    }

    /// Sends a text; SNS's id of it.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, to: &PhoneNumber, text: &str) -> Result<String, NotSent> {
        // Transactional: an alarm is not advertising (SNS, "Publishing to a mobile phone").
        let kind = MessageAttributeValue::builder().data_type("String").string_value("Transactional").build();
        let kind = kind.map_err(|error| NotSent::Refused(answers::words(&error.to_string())))?;
        let sent = self
            .client
            .publish()
            .phone_number(to.as_str())
            .message(text)
            .message_attributes("AWS.SNS.SMS.SMSType", kind)
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(format!("200 id {}", answers::words(answer.message_id().unwrap_or("unnamed")))),
            Err(error) => Err(not_sent(&error)),
        }
    }
}

fn not_sent<E>(error: &SdkError<E>) -> NotSent
where
    E: aws_sdk_sns::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let said = answers::words(&DisplayErrorContext(error).to_string());
    match error {
        SdkError::ConstructionFailure(_) => NotSent::Refused(said),
        SdkError::DispatchFailure(_) => NotSent::Deferred(said),
        // It was sent, and the answer did not come or was not understood.
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => NotSent::Unknown(said),
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("");
            if OPERATORS.contains(&code) {
                return NotSent::NoWay {
                    what: format!("Amazon SNS does not let us in: {said}"),
                    what_to_do: SIGN_IN,
                };
            }
            if PASSING.contains(&code) || service.raw().status().is_server_error() {
                return NotSent::Deferred(said);
            }
            NotSent::Refused(said)
        }
        _ => NotSent::Unknown(said),
    }
}
