//! Whose name it is, however it is written.

use std::cmp::Ordering;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The parts of a name, the family name first: without case, accents and signs, `Müller, K.-R.` and `K.-R. Muller` alike.
pub fn name_key(name: &str) -> Vec<String> {
    let parts = |name: &str| -> Vec<String> {
        let plain: String = name
            .nfkd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(|c| match c {
                'ø' | 'Ø' => 'o'.to_lowercase(),
                'ł' | 'Ł' => 'l'.to_lowercase(),
                'đ' | 'Đ' => 'd'.to_lowercase(),
                'ı' => 'i'.to_lowercase(),
                other => other.to_lowercase(),
            })
            .collect();
        plain.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    match name.split_once(',') {
        Some((family, given)) => parts(family).into_iter().chain(parts(given)).collect(),
        None => {
            let mut parts = parts(name);
            let family = parts.pop();
            family.into_iter().chain(parts).collect()
        }
    }
}

/// Whether two names may be one person's: each part of the shorter one stands in the longer one, whole or as an initial, in
/// any order, and its family name whole. So the family name may come first, be double or have a particle.
///
/// Names that are alike share one of their [`telling`] parts.
pub(super) fn alike(one: &[String], two: &[String]) -> bool {
    match one.len().cmp(&two.len()) {
        Ordering::Less => fits(one, two),
        Ordering::Greater => fits(two, one),
        Ordering::Equal => fits(one, two) || fits(two, one),
    }
}

/// The parts that a name can be looked up by: all but initials, and the family name even where it is one letter.
pub(super) fn telling(key: &[String]) -> impl Iterator<Item = &String> {
    key.iter().enumerate().filter(|(place, part)| *place == 0 || part.len() > 1).map(|(_, part)| part)
}

fn fits(short: &[String], long: &[String]) -> bool {
    let Some(family) = short.first() else { return false };
    let mut rest: Vec<&String> = long.iter().collect();
    let mut take = |agree: &dyn Fn(&str) -> bool| {
        let place = rest.iter().position(|part| agree(part));
        place.map(|place| rest.swap_remove(place)).is_some()
    };
    // Whole parts first, so that an initial takes none that another part needs.
    let whole = take(&|part| part == family) && telling(long).any(|part| part == family);
    let left: Vec<&String> = short[1..].iter().filter(|part| !take(&|other| other == part.as_str())).collect();
    whole && left.into_iter().all(|part| take(&|other| initial(part, other) || initial(other, part)))
}

/// Whether a part of a name is the initial of another.
fn initial(short: &str, long: &str) -> bool {
    short.chars().count() == 1 && long.starts_with(short)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(one: &str, two: &str, want: bool) {
        assert_eq!(alike(&name_key(one), &name_key(two)), want, "{one} and {two}");
        assert_eq!(alike(&name_key(two), &name_key(one)), want, "{two} and {one}");
    }

    #[test]
    fn a_name_is_known_without_accents_in_any_order_and_by_initials() {
        check("Klaus-Robert Müller", "Muller, K.-R.", true);
        check("Klaus-Robert Müller", "Müller, Klaus", true);
        check("José García", "Jose Garcia", true);
        check("Søren Kierkegaard", "S. Kierkegaard", true);
        check("Shay B. Cohen", "Shay Cohen", true);
        check("Wei Wang", "Wang Wei", true);
        check("Laurens van der Maaten", "van der Maaten, L.", true);
        check("Ana Ruiz Diaz", "Ruiz, A.", true);
        check("Weinan E", "E, W.", true);
        check("Weinan E", "E Weinan", true);
        check("Ana Ruiz", "Eva Ruiz", false);
        check("Ana Ruiz", "Ana R. Diaz", false);
        check("Ana Ruiz", "Ana Diaz", false);
        check("", "Ana Diaz", false);
    }

    proptest! {
        #[test]
        fn alike_is_mutual_and_shares_a_telling_part(
            one in proptest::collection::vec("[a-c]{1,2}", 0..4),
            two in proptest::collection::vec("[a-c]{1,2}", 0..4),
        ) {
            prop_assert_eq!(alike(&one, &two), alike(&two, &one));
            prop_assert!(!alike(&one, &two) || telling(&one).any(|part| telling(&two).any(|other| part == other)));
        }
    }
}
