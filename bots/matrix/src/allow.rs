//! Whose invitations are accepted. Pure.

use crate::MatrixError;

/// A list of people and homeservers.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Anyone,
    Server(String),
    User(String),
}

impl Allow {
    /// Reads `*`, `*:server` and `@user:server`; `operators` are always on the list.
    pub(crate) fn parse(allow: &[String], operators: &[String]) -> Result<Self, MatrixError> {
        let patterns = allow.iter().map(|text| Pattern::parse(text.trim())).collect::<Result<Vec<_>, _>>()?;
        let operators = operators.iter().map(|text| match Pattern::parse(text.trim())? {
            user @ Pattern::User(_) => Ok(user),
            _ => {
                Err(MatrixError::Setting { what: format!("operator `{text}` must be a user id like @ana:example.org") })
            }
        });
        let operators = operators.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { patterns: patterns.into_iter().chain(operators).collect() })
    }

    /// Whether `user` is on the list.
    pub(crate) fn admits(&self, user: &str) -> bool {
        let server = user.split_once(':').map_or("", |(_, server)| server);
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Anyone => true,
            Pattern::Server(name) => name.eq_ignore_ascii_case(server),
            Pattern::User(id) => id == user,
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, MatrixError> {
        let wrong = || MatrixError::Setting {
            what: format!("`{text}` admits nobody to Matrix rooms; write @user:server, *:server or *"),
        };
        if text == "*" {
            return Ok(Self::Anyone);
        }
        let (name, server) = text.split_once(':').filter(|(_, server)| !server.is_empty()).ok_or_else(wrong)?;
        match name {
            "*" => Ok(Self::Server(server.to_owned())),
            _ if name.len() > 1 && name.starts_with('@') && !name.contains('*') && !server.contains('*') => {
                Ok(Self::User(text.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(allow: &[&str], operators: &[&str]) -> Result<Allow, MatrixError> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Allow::parse(&owned(allow), &owned(operators))
    }

    #[track_caller]
    fn check(allow: &[&str], user: &str, want: bool) {
        assert_eq!(list(allow, &["@op:home.org"]).unwrap().admits(user), want, "{user} by {allow:?}");
    }

    #[test]
    fn a_person_a_server_or_everyone_may_invite() {
        check(&["@ana:home.org"], "@ana:home.org", true);
        check(&["@ana:home.org"], "@ana:evil.org", false);
        check(&["*:home.org"], "@bob:home.org", true);
        check(&["*:home.org:8448"], "@bob:home.org", false);
        check(&["*"], "@eve:anywhere.net", true);
        check(&[], "@ana:home.org", false);
    }

    #[test]
    fn a_server_that_only_looks_alike_may_not() {
        for user in ["@bob:evil-home.org", "@home.org:evil.org", "@bob:home.org.evil.net", "@bob"] {
            check(&["*:home.org"], user, false);
        }
    }

    #[test]
    fn an_operator_always_may() {
        check(&[], "@op:home.org", true);
    }

    #[test]
    fn what_admits_nobody_is_refused_at_the_start() {
        for text in ["", "ana", "@ana", "*:", "@*:home.org", "*ana:home.org", "@:home.org"] {
            assert!(list(&[text], &[]).is_err(), "{text}");
        }
        assert!(list(&[], &["*:home.org"]).is_err(), "an operator is a person");
    }
}
