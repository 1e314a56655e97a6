//! Pictures and files of an answer, as replies of their own.

use std::time::Duration;

use frontend::{ScreenError, Upload};
use matrix_sdk::{
    Error, Room,
    attachment::{AttachmentConfig, AttachmentInfo, BaseFileInfo, BaseImageInfo},
    media::MediaError,
    room::reply::{EnforceThread, Reply},
    ruma::{
        OwnedEventId, OwnedTransactionId, UInt,
        api::error::ErrorKind,
        events::{
            Mentions,
            room::message::{AddMentions, TextMessageEventContent},
        },
    },
};

use crate::{
    content,
    screen::{Address, within},
    session::once,
};

/// Longest the upload of a file may take.
const UPLOAD_WITHIN: Duration = Duration::from_secs(120);

/// Sends a file, its alternative text as the caption; the event that shows it. One that the homeserver never takes
/// leaves a sentence in its place.
pub(crate) async fn send(
    room: &Room,
    address: &Address,
    file: &Upload,
    id: OwnedTransactionId,
) -> Result<OwnedEventId, ScreenError> {
    let media_type: mime::Mime = file.media_type.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
    let caption = Some(file.alt.trim()).filter(|alt| !alt.is_empty() && *alt != file.name);
    // Fetches the question, to stay in its thread.
    let reply = address.question.clone().map(|event_id| Reply {
        event_id,
        enforce_thread: EnforceThread::MaybeThreaded,
        add_mentions: AddMentions::No,
    });
    let config = AttachmentConfig::new()
        .txn_id(id.clone())
        .info(info(file, &media_type))
        .caption(caption.map(TextMessageEventContent::plain))
        .mentions(Some(Mentions::new()))
        .reply(reply);
    let sending = room.send_attachment(&file.name, &media_type, file.bytes.clone(), config);
    match tokio::time::timeout(UPLOAD_WITHIN, sending).await {
        Ok(Ok(sent)) => Ok(sent.event_id),
        Ok(Err(error)) if is_too_large(&error) => {
            tracing::warn!(bytes = file.bytes.len(), "a file is larger than the homeserver takes");
            let text =
                format!("I cannot attach `{}`: it is larger than this homeserver takes.", file.name.replace('`', "'"));
            let content = content::message(text, content::reply(address.question.clone(), None), None);
            let sending = room.send(content).with_transaction_id(id).with_request_config(once());
            Ok(within(sending.into_future()).await?.response.event_id)
        }
        Ok(Err(error)) => within(async { Err(error) }).await,
        Err(overdue) => Err(ScreenError::failed(overdue)),
    }
}

fn info(file: &Upload, media_type: &mime::Mime) -> AttachmentInfo {
    let size = UInt::new(file.bytes.len() as u64);
    if media_type.type_() != mime::IMAGE {
        return AttachmentInfo::File(BaseFileInfo { size });
    }
    let (width, height) = content::png_size(&file.bytes).unzip();
    let (width, height) = (width.map(UInt::from), height.map(UInt::from));
    AttachmentInfo::Image(BaseImageInfo { width, height, size, ..BaseImageInfo::default() })
}

fn is_too_large(error: &Error) -> bool {
    let answer = error.as_client_api_error();
    matches!(error, Error::Media(MediaError::MediaTooLargeToUpload { .. }))
        || matches!(error.client_api_error_kind(), Some(ErrorKind::TooLarge))
        || answer.is_some_and(|answer| answer.status_code == 413)
}
