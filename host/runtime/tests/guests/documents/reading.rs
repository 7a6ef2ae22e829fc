//! What is read: filters, pages, searches and facets.

use super::{THINGS, each, granted};

#[tokio::test]
async fn filters_mean_what_the_contract_says() {
    each(&granted(THINGS), async |guest| {
        guest.put_abc().await;
        guest.put("d", r#"{"n":null}"#).await;
        guest.filtered(&[], "a b c d").await;
        guest.filtered(&["equal:n:2"], "b").await;
        guest.filtered(&["equal:n:2.0"], "b").await;
        guest.filtered(&["not-equal:n:2"], "a c d").await;
        guest.filtered(&["less:n:2"], "a").await;
        guest.filtered(&["less-or-equal:n:2"], "a b").await;
        guest.filtered(&["greater:n:1.5"], "b c").await;
        guest.filtered(&["greater-or-equal:n:3"], "c").await;
        guest.filtered(&["equal:about:null"], "b c d").await;
        guest.filtered(&["exists:n:true"], "a b c d").await;
        guest.filtered(&["exists:about:false"], "b c d").await;
        guest.filtered(&["equal:tags:y"], "a").await;
        guest.filtered(&["one-of:_id:c,a,z"], "a c").await;
        guest.filtered(&["starts-with:name:Winter "], "b c").await;
        let element = ["equal:size:40", "greater:left:0", "all-of:0,1"];
        let both = [&element[..], &["element:sizes:2"][..]].concat();
        guest.filtered(&both, "").await;
        let either = ["equal:size:40", "element:sizes:0"];
        guest.filtered(&either, "c").await;
        let joined = ["equal:_id:a", "equal:_id:b", "any-of:0,1", "none-of:2"];
        guest.filtered(&joined, "c d").await;
        guest
            .expect("count", &[("c", "greater:n:1")], 200, "2")
            .await;
    })
    .await;
}

#[tokio::test]
async fn pages_follow_the_sort_and_show_the_fields() {
    each(&granted(THINGS), async |guest| {
        guest.put_abc().await;
        guest.put("d", r#"{"n":1}"#).await;
        let walk = [("sort", "-n"), ("limit", "3")];
        guest.expect("walk", &walk, 200, "c b a\nd\n").await;
        let walk = [("sort", "n"), ("sort", "-_id"), ("limit", "2")];
        guest.expect("walk", &walk, 200, "d a\nb c\n").await;
        let find = [("sort", "-n"), ("field", "n"), ("limit", "1")];
        let page = guest.call("find", &find).await.text();
        let cursor = page.strip_prefix("c {\"n\":3}\nnext ");
        let cursor = cursor.unwrap_or_else(|| panic!("{}: {page}", guest.probe));
        let next = [&find[..], &[("after", cursor.trim_end())][..]].concat();
        let page = guest.call("find", &next).await.text();
        assert!(page.starts_with("b {\"n\":2}\n"), "{}: {page}", guest.probe);
        let other = [("sort", "name"), ("after", cursor.trim_end())];
        guest.failed("find", &other, "invalid: ").await;
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_every_word_and_the_best_first() {
    each(&granted(THINGS), async |guest| {
        guest.put_abc().await;
        let found = async |text: &str, ids: &str| {
            let search = [("search", text)];
            guest
                .expect("walk", &search, 200, &format!("{ids}\n"))
                .await;
        };
        found("rain", "a").await;
        found("winter jacket", "b a").await;
        found("WINTER boo", "c").await;
        found("wimter boots", "c").await;
        found("boo winter", "").await;
        let count = [("search", "winter"), ("c", "less:n:3")];
        guest.expect("count", &count, 200, "2").await;
    })
    .await;
}

#[tokio::test]
async fn facets_count_values_and_put_the_most_frequent_first() {
    each(&granted(THINGS), async |guest| {
        guest.put_abc().await;
        let facets = [("facet", "tags:10"), ("facet", "n:2"), ("facet", "none:1")];
        let answer = "x=2 y=1\n1=1 2=1\n\n";
        guest.expect("facets", &facets, 200, answer).await;
        let facets = [("facet", "tags:1"), ("c", "equal:_id:b")];
        guest.expect("facets", &facets, 200, "x=1\n").await;
        let facets = [("facet", "n:10"), ("search", "boots")];
        guest.expect("facets", &facets, 200, "3=1\n").await;
    })
    .await;
}
