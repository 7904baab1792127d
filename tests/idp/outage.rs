//! The provider is down.

use cubegate_tests::{
    answers,
    http::Credentials,
    limits::START_MAX,
    process::RunDirectory,
    provider::Provider,
    story::{self, Story},
};

use crate::session::{Place, Settings};

#[tokio::test]
async fn basic_works_without_the_provider_and_tokens_as_soon_as_it_is_there() {
    let story = Story::begin("outage");
    let run = RunDirectory::new().unwrap();
    let place = Place::prepare(&run);
    let mut provider = Provider::new(&run, &place.url).unwrap();
    place.write(Settings::Story, provider.issuer());
    let basic = || Credentials::basic("french-user", "french-user-example");
    let ask_with_basic = async || answers::expect_cities(&place.ask(basic()).await, answers::FRANCE).unwrap();

    story.step("it starts while the provider is down");
    let _up = place.up(&run).await;
    ask_with_basic().await;
    story.step("a token cannot be judged: 401 or 503, and soon");
    let started = std::time::Instant::now();
    let reply = place.ask(Credentials::Bearer("whatever".into())).await;
    assert!(matches!(reply.status.as_u16(), 401 | 503), "{reply:?}");
    assert!(started.elapsed().as_secs() < 10, "took {:?}", started.elapsed());

    story.step("the provider starts");
    provider.start().await.unwrap();
    let token = provider.token("parisian-user", Settings::Story.scope(), None).await.unwrap();
    let ((), waited) = story::eventually("tokens are judged", START_MAX, || async {
        answers::expect_cities(&place.ask(Credentials::Bearer(token.clone())).await, answers::PARIS)
    })
    .await
    .unwrap();
    story.measured("after", waited);
    ask_with_basic().await;

    story.step("the provider stops");
    provider.stop();
    ask_with_basic().await;
    let mut technical = place.connect(Credentials::basic("technical-user", "technical-user-example")).await;
    technical.get("/whoami").await.unwrap().expect(200).unwrap();
}
