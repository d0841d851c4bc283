//! Refused downloads, told as Azure's blob storage tells them: in XML (API specification, section 5).

use jiff::Timestamp;
use quick_xml::escape::escape;
use uuid::Uuid;

use crate::link::LinkError;

/// An answer to a download that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The code, also in the header `x-ms-error-code`.
    pub code: &'static str,
    /// The body, of type `application/xml`.
    pub body: String,
}

/// As Azure says it.
const FAILED: &str = "Server failed to authenticate the request. Make sure the value of Authorization header is \
                      formed correctly including the signature.";

impl Refusal {
    /// 403 for a link that does not count; 404 where it leads to no file of an export.
    pub fn of_link(error: &LinkError, request: Uuid, now: Timestamp) -> Self {
        let detail = match error {
            LinkError::Path => return Self::not_found(request, now),
            LinkError::NotYet { start, end } | LinkError::Expired { start, end } => {
                let [start, end, now] = [*start, *end, now].map(http_date);
                format!(
                    "Signature not valid in the specified key time frame: \
                     Key start [{start}] - Key expiry [{end}] - Current [{now}]"
                )
            }
            LinkError::BadSignature | LinkError::UnknownKey => {
                "Signature did not match.".to_owned()
            }
            LinkError::Missing(name) => format!("{name} is mandatory, once. Cannot be empty"),
            LinkError::Malformed(name) => format!("{name} is not well formed"),
        };
        let detail = escape(detail.as_str());
        let detail = format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>");
        Self::new(403, "AuthenticationFailed", FAILED, &detail, request, now)
    }

    /// 404 for a file that is not there, or no more.
    pub fn not_found(request: Uuid, now: Timestamp) -> Self {
        let message = "The specified blob does not exist.";
        Self::new(404, "BlobNotFound", message, "", request, now)
    }

    fn new(
        status: u16,
        code: &'static str,
        message: &str,
        detail: &str,
        request: Uuid,
        now: Timestamp,
    ) -> Self {
        let time = now.strftime("%Y-%m-%dT%H:%M:%S.%7fZ");
        let message = escape(message);
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code>\
             <Message>{message}\nRequestId:{request}\nTime:{time}</Message>{detail}</Error>"
        );
        Self { status, code, body }
    }
}

/// A time as HTTP has it (RFC 9110, section 5.6.7).
fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_as_azures() {
        let now = "2021-01-25T06:00:00.1234567Z".parse().unwrap();
        let request = Uuid::from_u128(1);
        let expired = LinkError::Expired {
            start: "2021-01-25T02:00:00Z".parse().unwrap(),
            end: "2021-01-25T05:00:00Z".parse().unwrap(),
        };
        let refusal = Refusal::of_link(&expired, request, now);
        assert_eq!(
            (refusal.status, refusal.code),
            (403, "AuthenticationFailed")
        );
        assert_eq!(
            refusal.body,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>Server \
             failed to authenticate the request. Make sure the value of Authorization header is formed correctly \
             including the signature.\nRequestId:00000000-0000-0000-0000-000000000001\n\
             Time:2021-01-25T06:00:00.1234567Z</Message><AuthenticationErrorDetail>Signature not valid in the \
             specified key time frame: Key start [Mon, 25 Jan 2021 02:00:00 GMT] - Key expiry [Mon, 25 Jan 2021 \
             05:00:00 GMT] - Current [Mon, 25 Jan 2021 06:00:00 GMT]</AuthenticationErrorDetail></Error>"
        );
        let bad = Refusal::of_link(&LinkError::BadSignature, request, now);
        assert!(bad.body.contains("Signature did not match."));
        for refusal in [
            Refusal::not_found(request, now),
            Refusal::of_link(&LinkError::Path, request, now),
        ] {
            assert_eq!((refusal.status, refusal.code), (404, "BlobNotFound"));
            assert!(refusal.body.contains(
                "<Code>BlobNotFound</Code><Message>The specified blob does not exist.\n"
            ));
        }
    }
}
