using System.Diagnostics;
using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>The page as a whole: its size, its safety, its print, and networks of all kinds.</summary>
public sealed class PageTests(Chromium chromium)
{
    [Fact]
    public async Task The_notebooks_page_is_below_100_KB_and_stands_alone()
    {
        new FileInfo(Networks.Notebook).Length.Should().BeLessThan(100_000);
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        (await visit.Page.EvaluateAsync<int>("document.querySelector('style').textContent.length + document.querySelectorAll('script')[1].textContent.length")).Should().BeLessThan(61_000);
        (await visit.Page.Locator("[src], link, iframe, object").CountAsync()).Should().Be(0);
    }

    [Fact]
    public async Task Names_are_text_and_execute_nothing()
    {
        await using var visit = await chromium.OpenAsync(Networks.HostileNames);
        (await visit.Page.Locator("h1").InnerTextAsync()).Should().Be(Networks.Hostile);
        await Assertions.Expect(visit.Page.Locator("section[data-layer] h3 .name").First).ToHaveTextAsync(Networks.Hostile);
        (await visit.Page.Locator("img").CountAsync()).Should().Be(0);
        (await visit.Page.EvaluateAsync<bool>("window.hacked === undefined")).Should().BeTrue();

        // And they can be asked, by click and by address.
        foreach (var name in new[] { Networks.Hostile, "__proto__", "a\"]b[0, 0]", "constructor" })
        {
            var cell = visit.Page.Locator("table[role=grid] td[data-a]").And(visit.Page.GetByLabel($"{name}.output[1, 0], ", new() { Exact = false })).First;
            await cell.ClickAsync();
            await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync($"{name}.output[1, 0]");
            await visit.Page.ReloadAsync();
            await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync($"{name}.output[1, 0]");
        }

        (await visit.Page.EvaluateAsync<bool>("window.hacked === undefined")).Should().BeTrue();
    }

    [Fact]
    public async Task NaN_and_infinity_are_shown_as_what_they_are()
    {
        await using var visit = await chromium.OpenAsync(Networks.Broken);
        await Assertions.Expect(visit.Page.Locator(".problems")).ToBeVisibleAsync();
        (await visit.Cell("x", 0, 1).InnerTextAsync()).Trim().Should().Be("NaN");
        (await visit.Cell("x", 1, 0).InnerTextAsync()).Trim().Should().Be("∞");
        (await visit.Cell("x", 1, 0).GetAttributeAsync("data-value")).Should().Be("Infinity");
        await visit.Page.Locator("figure", new() { HasText = "First not finite" }).Locator("p a").First.ClickAsync();
        (await visit.AskedAsync()).Should().BeOneOf("x[0, 1]", "x[1, 0]");
        await visit.Cell("in.output", 0, 0).ClickAsync();
        await Assertions.Expect(visit.Panel.Locator(".result").First).ToHaveTextAsync("NaN");
    }

    [Fact]
    public async Task An_empty_batch_says_so()
    {
        await using var visit = await chromium.OpenAsync(Networks.Empty);
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("The batch is empty");
        foreach (var key in new[] { "1", "ArrowRight", "ArrowRight", "0" }) await visit.Page.Keyboard.PressAsync(key);
    }

    [Fact]
    public async Task Large_matrices_are_heat_maps_summaries_and_chosen_entries()
    {
        await using var visit = await chromium.OpenAsync(Networks.Digits);
        var weight = visit.Page.Locator("figure").Filter(new() { Has = visit.Page.Locator("table[aria-label='0.weight']") });
        await Assertions.Expect(weight.Locator("canvas")).ToBeVisibleAsync();
        (await weight.Locator("canvas").EvaluateAsync<int>("canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size")).Should().BeGreaterThan(20, "it is painted");
        (await weight.Locator("dt").AllInnerTextsAsync()).Should().StartWith(["min", "¼", "median", "¾", "max", "mean", "norm", "zeros"]);
        await Assertions.Expect(weight.Locator(".histogram rect")).ToHaveCountAsync(16);
        await Assertions.Expect(visit.Page.Locator(".drawing .block")).ToHaveCountAsync(3);
        var gradient = visit.Page.Locator("figure").Filter(new() { Has = visit.Page.Locator("table[aria-label='0.weight.grad']") });
        var largest = gradient.GetByText("Largest:").Locator("a").First;
        var name = await largest.InnerTextAsync();
        await largest.ClickAsync();
        (await visit.AskedAsync()).Should().Be("0.weight.grad" + name.Split(" = ")[0]);
    }

    [Fact]
    public async Task Ten_thousand_columns_open_fast()
    {
        var file = Networks.Wide;
        var watch = Stopwatch.StartNew();
        await using var visit = await chromium.OpenAsync(file);
        await Assertions.Expect(visit.Page.Locator("h1")).ToBeVisibleAsync();
        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20), "it takes a second, but the machine may be busy");
        (await visit.Page.Locator("*").CountAsync()).Should().BeLessThan(4000, "that is why");
    }

    [Fact]
    public async Task Printed_it_is_a_lesson_with_worked_examples()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        await visit.Page.Keyboard.PressAsync("1");
        await visit.Page.EmulateMediaAsync(new() { Media = Media.Print });
        await Assertions.Expect(visit.Panel).ToBeHiddenAsync();
        await Assertions.Expect(visit.Page.Locator(".controls")).ToBeHiddenAsync();
        await Assertions.Expect(visit.Cell("hidden.weight.grad", 0, 0)).ToBeVisibleAsync();
        foreach (var layer in new[] { "hidden", "activation", "output" })
        {
            var examples = visit.Page.Locator($"section[data-layer='{layer}'] .example");
            await Assertions.Expect(examples).ToHaveCountAsync(2);
            foreach (var example in await examples.AllAsync())
            {
                await Assertions.Expect(example).ToBeVisibleAsync();
                await Assertions.Expect(example.Locator("math.numbers")).ToBeVisibleAsync();
                var numbers = await example.Locator("math.numbers").EvaluateAsync<string>("math => new XMLSerializer().serializeToString(math)");
                Formula.Evaluate(numbers, Formula.Full).Should().BeApproximately(await Visit.ValueAsync(example.Locator(".result")), 1e-12);
            }
        }

        (await visit.Page.PdfAsync(new() { Format = "A4" })).Length.Should().BeGreaterThan(10_000);
    }

    [Fact]
    public async Task Without_scripts_the_text_stands_there()
    {
        (await File.ReadAllTextAsync(Networks.Notebook, TestContext.Current.CancellationToken)).Should().Contain("<noscript>").And.NotContain("{{");
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        await Assertions.Expect(visit.Page.Locator("noscript")).ToBeHiddenAsync();
    }
}
