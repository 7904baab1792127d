use proptest::prelude::*;

use super::*;

fn at(members: &[&str]) -> Point {
    Point::Path(Path::new(members.iter().map(ToString::to_string).collect()).unwrap())
}

fn on(word: &str) -> Point {
    Point::Day(RelativeDay::read(word).unwrap().unwrap())
}

fn selection(text: &str) -> Selection {
    text.parse::<Cut>().unwrap().selection
}

fn mistake(text: &str) -> (usize, String) {
    let MalformedCut { position, message } = text.parse::<Cut>().unwrap_err();
    (position, message)
}

#[test]
fn points_sets_and_ranges_are_told_apart() {
    assert_eq!(selection("geo:a,b"), Selection::Set(vec![at(&["a", "b"])]));
    assert_eq!(selection("geo:a,b;c"), Selection::Set(vec![at(&["a", "b"]), at(&["c"])]));
    assert_eq!(selection("date:2021,1-2021,6"), Selection::Between(at(&["2021", "1"]), at(&["2021", "6"])));
    assert_eq!(selection("date:2021-"), Selection::From(at(&["2021"])));
    assert_eq!(selection("date:-2021,6"), Selection::To(at(&["2021", "6"])));
    assert_eq!(selection(r"geo:Saint\-Étienne"), Selection::Set(vec![at(&["Saint-Étienne"])]));
    assert_eq!(selection("mail:a@b"), Selection::Set(vec![at(&["a@b"])]));
}

#[test]
fn names_and_inversion_are_read_before_the_colon() {
    let cut: Cut = r"!Sales\@home@by \: month:2021,1;2022".parse().unwrap();
    assert!(cut.is_inverted());
    assert_eq!((cut.dimension(), cut.hierarchy()), ("Sales@home", Some("by : month")));
}

#[test]
fn a_mistake_says_where_it_is_and_what_to_write() {
    for (text, position, fragment) in [
        ("", 1, "expected the name of a dimension or hierarchy: nothing follows"),
        ("geo", 4, "expected `:`"),
        ("geo:", 5, "expected a member: nothing follows"),
        ("!!geo:a", 2, r"`\!`"),
        ("geo@:a", 5, "expected the name of a hierarchy"),
        ("geo@a@b:c", 6, "the one name of a hierarchy"),
        ("geo:a,,b", 7, "expected a member"),
        ("geo:a;", 7, "expected a member: nothing follows"),
        ("geo:-", 6, "expected a member"),
        ("geo:a-b-c", 8, r"expected nothing more: not `-`, which in a name or member is written `\-`"),
        ("geo:a;b-c", 8, r"`\-`"),
        ("geo:a-b;c", 8, r"`\;`"),
        ("geo:12:30", 7, r"`\:`"),
        ("geo:a|date:2021", 6, "each as an item of its own"),
        (r"geo:a\n", 7, "behind `\\` stands one of"),
        (r"geo:a\@b", 7, "behind `\\` stands one of"),
        ("geo:a\\", 7, "behind `\\` stands one of"),
        ("geo:2021-__null__", 10, "lies in no range"),
        ("geo:__null__-", 5, "lies in no range"),
    ] {
        let (found, message) = mistake(text);
        assert!(found == position && message.contains(fragment), "{text}: {found}: {message}");
    }
}

#[test]
fn words_for_days_are_days_and_no_members() {
    assert_eq!(selection("date:90daysago-today"), Selection::Between(on("90daysago"), on("today")));
    assert_eq!(selection("date:lastmonth-"), Selection::From(on("lastmonth")));
    assert_eq!(selection("date:-2monthsago"), Selection::To(on("2monthsago")));
    assert_eq!(selection("!date:2021,1-yesterday"), Selection::Between(at(&["2021", "1"]), on("yesterday")));
    assert_eq!(selection("date:today;2021"), Selection::Set(vec![on("today"), at(&["2021"])]));
    assert_eq!(Path::new(vec!["today".to_owned()]), None);
    for (text, position, fragment) in [
        ("date:2021,today", 11, "`today` is relative to the day and stands alone"),
        ("date:a;today,1", 8, "stands alone"),
        ("date:12hoursago-", 6, "finer than a day"),
        ("date:-1001yearsago", 7, "more than 1000 units"),
    ] {
        let (found, message) = mistake(text);
        assert!(found == position && message.contains(fragment), "{text}: {found}: {message}");
    }
    let others = "long ago;ago;last;lasting;xdaysago";
    assert_eq!(selection(&format!("when:{others}")).to_string(), others);
}

#[test]
fn cuts_are_bounded() {
    let paths = |count: usize| format!("a:{}", vec!["b"; count].join(";"));
    assert!(paths(CUT_PATHS_MAX).parse::<Cut>().is_ok());
    assert!(mistake(&paths(CUT_PATHS_MAX + 1)).1.contains("paths"));
    assert!(format!("a:{}", "b".repeat(CUT_BYTES_MAX - 2)).parse::<Cut>().is_ok());
    assert!(mistake(&format!("a:{}", "b".repeat(CUT_BYTES_MAX - 1))).1.contains("bytes"));
}

fn any_point() -> impl Strategy<Value = Point> {
    prop_oneof![
        prop::collection::vec(r"[a-cé|:,;!@\\ -]{1,4}", 1..4)
            .prop_map(|members| Point::Path(Path::new(members).unwrap())),
        "[0-9]{0,2}(day|month)s?(ago|forward)|(last|next)week|today".prop_map(|word| on(&word)),
    ]
}

fn any_cut() -> impl Strategy<Value = Cut> {
    let selection = prop_oneof![
        prop::collection::vec(any_point(), 1..4).prop_map(Selection::Set),
        any_point().prop_map(Selection::From),
        any_point().prop_map(Selection::To),
        (any_point(), any_point()).prop_map(|(from, to)| Selection::Between(from, to)),
    ];
    let name = r"[a-c|:,;!@\\ -]{1,4}";
    (any::<bool>(), name, prop::option::of(name), selection).prop_map(
        |(is_inverted, dimension, hierarchy, selection)| Cut::new(is_inverted, dimension, hierarchy, selection),
    )
}

proptest! {
    #[test]
    fn a_cut_is_read_as_it_was_written(cut in any_cut()) {
        let text = cut.to_string();
        prop_assert_eq!(text.parse::<Cut>(), Ok(cut), "{}", text);
    }

    #[test]
    fn any_text_is_read_without_panic_and_a_cut_is_written_as_it_was_read(text in r"!?[ab|:,;!@\\-]{0,12}|.{0,12}") {
        match text.parse::<Cut>() {
            Ok(cut) => prop_assert_eq!(cut.to_string(), text),
            Err(MalformedCut { position, .. }) => prop_assert!((1..=text.chars().count() + 1).contains(&position)),
        }
    }
}
