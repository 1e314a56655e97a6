//! How a request goes out: serenity's HTTP client, its limiter where the bot's own token asks, and the answer read whole.

use futures::future::{BoxFuture, Either};
use serenity::all::{CreateAllowedMentions, Http, HttpBuilder, Request, Route};

/// What Discord answered.
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// Seconds, of the header.
    pub retry_after: Option<f64>,
    /// As it came.
    pub body: Vec<u8>,
}

/// serenity's own client of Discord's HTTP interface, which mentions nobody by default.
pub fn http(token: &str, api_base: Option<&str>) -> Http {
    let mut builder = HttpBuilder::new(token).default_allowed_mentions(CreateAllowedMentions::new());
    if let Some(base) = api_base {
        // serenity ignores the one without the other, and would ask Discord itself.
        builder = builder.proxy(base).ratelimiter_disabled(true);
    }
    builder.build()
}

/// Sends a request.
pub type Ask =
    Box<dyn for<'a> Fn(&'a Http, Request<'a>) -> BoxFuture<'a, Result<Answer, serenity::Error>> + Send + Sync>;

/// Sends a request, through serenity's limiter where it limits, and reads the answer.
pub fn ask() -> Ask {
    fn signed<F>(ask: F) -> Ask
    where
        F: for<'a> Fn(&'a Http, Request<'a>) -> BoxFuture<'a, Result<Answer, serenity::Error>> + Send + Sync + 'static,
    {
        Box::new(ask)
    }
    // serenity keeps its HTTP client to itself and names the crate of it nowhere: this is one of the same type.
    let client = Default::default();
    signed(move |http, request| {
        let limiter = http.ratelimiter.as_ref().filter(|_| !is_of_interaction(request.route_ref()));
        let way = match limiter {
            Some(limiter) => Either::Left((limiter, request)),
            None => Either::Right(request.build(&client, http.token(), http.proxy.as_deref())),
        };
        let client = client.clone();
        Box::pin(async move {
            let response = match way {
                Either::Left((limiter, request)) => limiter.perform(request).await?,
                // Without its address: the token stands in it.
                Either::Right(built) => client.execute(built?.build()?).await.map_err(|error| error.without_url())?,
            };
            let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after = header.and_then(|seconds| seconds.parse().ok());
            let status = response.status().as_u16();
            let body = response.bytes().await.map_err(|error| error.without_url())?;
            Ok(Answer { status, retry_after, body: body.to_vec() })
        })
    })
}

/// Whether an interaction's own token answers for a request.
fn is_of_interaction(route: &Route<'_>) -> bool {
    matches!(
        route,
        Route::InteractionResponse { .. }
            | Route::WebhookOriginalInteractionResponse { .. }
            | Route::WebhookFollowupMessage { .. }
            | Route::WebhookFollowupMessages { .. }
    )
}

#[cfg(test)]
mod tests {
    use serenity::all::{ApplicationId, ChannelId};

    use super::*;

    #[test]
    fn only_the_tokens_of_interactions_go_past_the_limiter() {
        let channel_id = ChannelId::new(1);
        assert!(!is_of_interaction(&Route::ChannelMessages { channel_id }));
        let application_id = ApplicationId::new(1);
        assert!(is_of_interaction(&Route::WebhookFollowupMessages { application_id, token: "t" }));
    }
}
