//! What was said again of a person's words, taken down where it stands when they are forgotten: their rows go at once, and
//! nobody waits for a platform.

use chat::{
    MemberId, Message, MessageId,
    ports::{ECHO, Post},
};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use crate::{Store, StoreError, row};

impl Store {
    /// Puts into the outbox that all is taken down which platforms show of these accounts' words said again until a time; how
    /// many. What it puts there `at` a time holds no word, and names nobody; it is gone with what it takes down. To be said
    /// before [`Store::erase`] and [`Store::erase_replies`], which forget where these things stand.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read or written. Said again, it takes down the same.
    pub async fn take_down_echoes(
        &self,
        accounts: &[MemberId],
        until: Timestamp,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let doing = "taking down what was said again";
        let mut query = QueryBuilder::<Sqlite>::new("SELECT post FROM post WHERE author IN (");
        let mut authors = query.separated(", ");
        for account in accounts {
            authors.push_bind(account.0.clone());
        }
        query.push(") AND at_us <= ").push_bind(until.as_microsecond()).push(" ORDER BY number");
        let posts: Vec<String> =
            query.build_query_scalar().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        let mut count = 0;
        for json in posts {
            let post: Post = row::parse(&json, doing)?;
            if let Some(post) = taken_down(post, at) {
                self.put_post(&post).await?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// The post by which one is taken down, `at` a time; none where nothing is shown of it, or it says nothing again.
pub(crate) fn taken_down(post: Post, at: Timestamp) -> Option<Post> {
    let first = post.shown.first().filter(|_| post.question.is_echo())?;
    let question = Message {
        // Still an echo: who replies to it until it is gone does not speak to the assistant.
        id: MessageId(format!("notice:forgotten/{ECHO}/{first}")),
        place: post.question.place,
        author: MemberId(String::new()),
        text: String::new(),
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        visibility: post.question.visibility,
        addressed: false,
        at,
    };
    let (call, body) = (question.call_id(), Some(Post::NOTHING));
    Some(Post {
        call,
        question,
        renews: None,
        address: post.address,
        shown: post.shown,
        actions: Vec::new(),
        of: Vec::new(),
        body,
    })
}
