//! The files that come with messages, decrypted.

use std::time::Duration;

use async_trait::async_trait;
use chat::{Attachment, Place, PortError, ports::Attachments};
use matrix_sdk::{
    Client,
    media::{MediaFormat, MediaRequestParameters},
    ruma::events::room::MediaSource,
};

/// Longest a file may take.
const FETCH_WITHIN: Duration = Duration::from_secs(120);

/// Fetches files from the homeserver.
pub(crate) struct MatrixAttachments {
    pub(crate) client: Client,
}

fn too_large(bytes: u64, bytes_max: u64) -> PortError {
    PortError::Refused { port: "matrix", reason: format!("the file holds {bytes} bytes, at most {bytes_max} are read") }
}

#[async_trait]
impl Attachments for MatrixAttachments {
    async fn fetch(&self, _place: &Place, attachment: &Attachment, bytes_max: u64) -> Result<Vec<u8>, PortError> {
        if attachment.bytes > bytes_max {
            return Err(too_large(attachment.bytes, bytes_max));
        }
        let source: MediaSource = serde_json::from_str(&attachment.handle)
            .map_err(PortError::failed("matrix", "reading a file's address"))?;
        let request = MediaRequestParameters { source, format: MediaFormat::File };
        let media = self.client.media();
        let fetched = tokio::time::timeout(FETCH_WITHIN, media.get_media_content(&request, false)).await;
        let bytes = match fetched.map_err(PortError::failed("matrix", "fetching a file"))? {
            Ok(bytes) => bytes,
            Err(error) if error.as_client_api_error().is_some_and(|error| error.status_code == 404) => {
                return Err(PortError::Refused {
                    port: "matrix",
                    reason: "the homeserver has no such file".to_owned(),
                });
            }
            Err(error) => return Err(PortError::failed("matrix", "fetching a file")(error)),
        };
        // The size in the event is the sender's word.
        let size = bytes.len() as u64;
        if size > bytes_max { Err(too_large(size, bytes_max)) } else { Ok(bytes) }
    }
}
