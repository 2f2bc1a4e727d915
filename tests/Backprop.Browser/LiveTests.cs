using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>The page's script as a playground uses it: new numbers, answers asked for, values that can be changed.</summary>
public sealed class LiveTests(Chromium chromium)
{
    // The page anew, with what the playground gives; what it is told is kept.
    private const string Mount = """
        json => {
          window.edits = [];
          window.asks = [];
          window.data = JSON.parse(json);
          window.kept = window.data.answers;
          window.data.answers = {};
          window.view = Explain.mount(document.getElementById('root'), window.data, {
            ask: (a, r, c) => { window.asks.push(a); return (window.kept[a] ?? {})[`${r},${c}`] ?? null; },
            onEdit: (a, r, c, value) => window.edits.push([a, r, c, value].join(' ')),
            start: 'hidden.weight.grad[0, 0]',
          });
        }
        """;

    [Fact]
    public async Task Answers_are_asked_for_as_they_are_wanted()
    {
        await using var visit = await MountedAsync();
        (await visit.AskedAsync()).Should().Be("hidden.weight.grad[0, 0]");
        await Assertions.Expect(visit.Panel.Locator("math.numbers mtr")).ToHaveCountAsync(8);
        await visit.Page.EvaluateAsync("window.view.open('activation.output', 3, 0)");
        (await visit.AskedAsync()).Should().Be("activation.output[3, 0]");
        (await visit.Page.EvaluateAsync<string[]>("window.asks")).Should().Contain("activation.output");
    }

    [Fact]
    public async Task New_numbers_come_in_and_what_is_open_stays_open()
    {
        await using var visit = await MountedAsync();
        await visit.Page.Keyboard.PressAsync("3");
        await visit.Page.EvaluateAsync("document.querySelector('td[data-a=\"hidden.weight\"]').mark = 'the same element'");
        await visit.Page.EvaluateAsync("json => { const next = JSON.parse(json); window.kept = next.answers; next.answers = {}; window.view.update(next); }", Networks.NotebookJson(0.7));
        (await visit.AskedAsync()).Should().Be("hidden.weight.grad[0, 0]");
        (await Visit.ValueAsync(visit.Cell("hidden.weight", 0, 0))).Should().Be(0.7);
        (await Visit.ValueAsync(visit.Page.Locator(".drawing text[data-a='hidden.weight']"))).Should().Be(0.7);
        (await Visit.ValueAsync(visit.Panel.Locator(".result"))).Should().NotBeApproximately(0.0213347, 1e-6);
        (await visit.Page.EvaluateAsync<string>("document.querySelector('td[data-a=\"hidden.weight\"]').mark")).Should().Be("the same element");
        (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith("Backward, 1");
        await visit.Page.EvaluateAsync("window.view.step(1, 2)");
        (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith("Forward, 3");

        // Another network altogether.
        await visit.Page.EvaluateAsync("""() => { const next = structuredClone(window.data); next.title = 'Another'; delete next.quantities['hidden.weight.grad']; window.view.update(next); }""");
        await Assertions.Expect(visit.Page.Locator("h1")).ToHaveTextAsync("Another");
        (await visit.AskedAsync()).Should().Be("Ask");
    }

    [Fact]
    public async Task A_value_is_dragged_or_typed()
    {
        await using var visit = await MountedAsync();
        await visit.Cell("hidden.weight", 0, 0).ScrollIntoViewIfNeededAsync();
        var box = (await visit.Cell("hidden.weight", 0, 0).BoundingBoxAsync())!;
        await visit.Page.Mouse.MoveAsync(box.X + 5, box.Y + 5);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(box.X + 25, box.Y + 5);
        await visit.Page.Mouse.UpAsync();
        (await visit.Page.EvaluateAsync<string[]>("window.edits")).Should().Equal("hidden.weight 0 0 0.1");
        (await visit.AskedAsync()).Should().Be("hidden.weight.grad[0, 0]", "a drag is no click");

        await visit.Cell("hidden.bias", 0, 0).ClickAsync();
        var input = visit.Panel.GetByLabel("Change it:");
        await input.FillAsync("0.25");
        await input.PressAsync("Enter");
        (await visit.Page.EvaluateAsync<string[]>("window.edits")).Should().Contain("hidden.bias 0 0 0.25");

        await visit.Cell("hidden.output", 0, 0).ClickAsync();
        await Assertions.Expect(visit.Panel.Locator("input")).ToHaveCountAsync(0);
    }

    private async Task<Visit> MountedAsync()
    {
        var visit = await chromium.OpenAsync(Networks.Notebook);
        await visit.Page.EvaluateAsync(Mount, Networks.NotebookJson());
        return visit;
    }
}
