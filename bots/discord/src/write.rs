//! Writes one message with its files. A request of serenity's carries one: each further one is added by an edit.

use frontend::Upload;
use serde::Deserialize;
use serenity::all::{CreateAttachment, LightMethod, Multipart, MultipartUpload, Route};

use crate::{
    address::Way,
    body::{Body, File},
    rest::{self, Rest, RestError},
};

/// A message, as far as it matters here.
#[derive(Deserialize)]
struct Sent {
    id: String,
    #[serde(default)]
    attachments: Vec<Attached>,
}

/// A file of a message.
#[derive(Deserialize)]
struct Attached {
    id: String,
}

impl Rest {
    /// Sends a message, or edits the one at `route`, with its files; its id.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn write(
        &self,
        way: Way<'_>,
        (method, route): (LightMethod, Route<'_>),
        body: Body<'_>,
        uploads: &[&Upload],
    ) -> Result<String, RestError> {
        let first = uploads.first().copied();
        let mut sent = self.put(method, route, &body.with(first), first).await?;
        // A message that was sent twice under one nonce is the first one, with the files that it has.
        for upload in uploads.iter().skip(sent.attachments.len().max(1)) {
            let Some(route) = way.message(&sent.id) else { break };
            let kept = sent.attachments.iter().map(|attached| File::Kept { id: &attached.id });
            let files = kept.chain([File::of(upload)]).collect();
            let next = self.put(LightMethod::Patch, route, &Body::files(files), Some(upload)).await?;
            sent = next;
        }
        Ok(sent.id)
    }

    async fn put(
        &self,
        method: LightMethod,
        route: Route<'_>,
        body: &Body<'_>,
        upload: Option<&Upload>,
    ) -> Result<Sent, RestError> {
        let request = match upload {
            None => rest::json(method, route, body),
            Some(upload) => {
                let file = CreateAttachment::bytes(upload.bytes.clone(), upload.name.clone());
                let upload = MultipartUpload::Attachments(vec![file]);
                rest::form(method, route, body, Multipart { upload, fields: Vec::new(), payload_json: None })
            }
        };
        self.read(request).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serenity::all::ApplicationId;

    use super::*;
    use crate::double::{Came, Double};

    fn discord(came: &Came) -> (u16, String) {
        let files = if came.line.starts_with("PATCH") {
            json!([{ "id": "31" }, { "id": "32" }])
        } else {
            json!([{ "id": "31" }])
        };
        (200, json!({ "id": "30", "attachments": files }).to_string())
    }

    #[tokio::test]
    async fn each_further_file_is_added_to_those_that_are_there() {
        let double = Double::start(discord).await;
        let upload = |name: &str| Upload {
            name: name.to_owned(),
            media_type: "image/png".to_owned(),
            alt: format!("what {name} shows"),
            bytes: b"png".to_vec(),
        };
        let uploads = [upload("a.png"), upload("b.png")];
        let (application, token) = (ApplicationId::new(3), "fine");
        let route = Route::WebhookFollowupMessages { application_id: application, token };
        let body = Body::sentence("look").flagged(true);
        let way = Way::Token { application, token };
        let uploads: Vec<&Upload> = uploads.iter().collect();
        let id = double.rest().write(way, (LightMethod::Post, route), body, &uploads).await.unwrap();
        assert_eq!(id, "30");
        let came = double.came();
        assert_eq!(double.lines(), ["POST /webhooks/3/fine", "PATCH /webhooks/3/fine/messages/30"]);
        assert!(came[0].body.contains("what a.png shows") && came[0].body.contains(r#""flags":68"#));
        assert!(came[1].body.contains("what b.png shows") && came[1].body.contains(r#"{"id":"31"}"#));
    }
}
