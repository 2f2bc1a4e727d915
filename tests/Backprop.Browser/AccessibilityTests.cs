using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>For eyes that see less, fingers without a mouse, and screens of any width.</summary>
public sealed class AccessibilityTests(Chromium chromium)
{
    public static TheoryData<string, int, bool> Looks => new()
    {
        { nameof(Networks.Notebook), 1280, false },
        { nameof(Networks.Notebook), 1280, true },
        { nameof(Networks.Notebook), 360, false },
        { nameof(Networks.Notebook), 360, true },
        { nameof(Networks.Branches), 1280, true },
        { nameof(Networks.Branches), 360, false },
        { nameof(Networks.Digits), 360, true },
        { nameof(Networks.Broken), 1280, false },
        { nameof(Networks.Wrong), 360, true },
    };

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Axe_finds_nothing(string page, int width, bool dark)
    {
        await using var visit = await chromium.OpenAsync((string)typeof(Networks).GetProperty(page)!.GetValue(null)!, width, dark);
        foreach (var stepping in new[] { false, true })
        {
            if (stepping)
            {
                await visit.Page.Keyboard.PressAsync("3");
                await visit.Page.Locator("td[data-a$='.grad']:visible").First.ClickAsync();
                await visit.Panel.Locator("mn[data-a]").First.ClickAsync();
            }

            (await Axe.FindAsync(visit.Page)).Should().BeEmpty();
        }
    }

    [Theory]
    [InlineData(nameof(Networks.Notebook))]
    [InlineData(nameof(Networks.Branches))]
    [InlineData(nameof(Networks.Digits))]
    [InlineData(nameof(Networks.HostileNames))]
    [InlineData(nameof(Networks.Wide))]
    public async Task A_phone_scrolls_tables_but_not_the_page(string page)
    {
        await using var visit = await chromium.OpenAsync((string)typeof(Networks).GetProperty(page)!.GetValue(null)!, width: 360);
        (await visit.Page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(360);
        await Assertions.Expect(visit.Panel).ToBeHiddenAsync();
        await visit.Page.Locator("td[data-a]").First.ClickAsync();
        await Assertions.Expect(visit.Panel).ToBeVisibleAsync();
        (await visit.Page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(360);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await Assertions.Expect(visit.Panel).ToBeHiddenAsync();
        await Assertions.Expect(visit.Page.Locator("td[data-a]").First).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Everything_can_be_done_with_the_keyboard()
    {
        await using var visit = await chromium.OpenAsync(Networks.Xor);
        async Task<string> Focus() => await visit.Page.EvaluateAsync<string>("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent");

        // Tab reaches each table once.
        List<string> stops = [];
        for (var k = 0; k < 200 && (stops.Count == 0 || await visit.Page.EvaluateAsync<bool>("document.activeElement !== document.body")); k++)
        {
            await visit.Page.Keyboard.PressAsync("Tab");
            stops.Add(await visit.Page.EvaluateAsync<string>("document.activeElement.matches('td') ? document.activeElement.closest('table').getAttribute('aria-label') + ' ' + [...document.querySelectorAll('table')].indexOf(document.activeElement.closest('table')) : ''"));
        }

        var tables = stops.Where(stop => stop.Length > 0).ToList();
        tables.Should().OnlyHaveUniqueItems();
        tables.Should().HaveCount(await visit.Page.Locator("table[role=grid]").CountAsync());

        // Arrows move within, Enter opens, and the panel has the focus.
        await visit.Cell("hidden.weight", 0, 0).FocusAsync();
        foreach (var key in new[] { "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp" }) await visit.Page.Keyboard.PressAsync(key);
        (await Focus()).Should().StartWith("hidden.weight[1, 1], ");
        foreach (var (key, there) in new[] { ("Home", "[1, 0]"), ("Control+End", "[3, 1]"), ("Control+Home", "[0, 0]"), ("End", "[0, 1]") })
        {
            await visit.Page.Keyboard.PressAsync(key);
            (await Focus()).Should().StartWith($"hidden.weight{there}, ");
        }

        await visit.Cell("hidden.weight.grad", 2, 1).FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        (await visit.AskedAsync()).Should().Be("hidden.weight.grad[2, 1]");
        (await Focus()).Should().Be("hidden.weight.grad[2, 1]");
        while (!(await Focus()).StartsWith("hidden.output.grad[1, 2]", StringComparison.Ordinal)) await visit.Page.Keyboard.PressAsync("Tab");
        await visit.Page.Keyboard.PressAsync("Enter");
        (await visit.AskedAsync()).Should().Be("hidden.output.grad[1, 2]");
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("hidden.weight.grad[2, 1]");
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("loss");
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Cell("hidden.weight.grad", 2, 1)).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Numbers_have_names_the_page_has_landmarks_and_headings_have_an_order()
    {
        await using var visit = await chromium.OpenAsync(Networks.Branches);
        (await visit.Page.Locator("td[role=gridcell]").EvaluateAllAsync<bool>("cells => cells.every(cell => cell.textContent === '–' || cell.ariaLabel.startsWith(cell.dataset.a ?? '') && /, /.test(cell.ariaLabel))")).Should().BeTrue();
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Main)).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Complementary, new() { Name = "Explanation" })).ToHaveCountAsync(1);
        var levels = await visit.Page.EvaluateAsync<int[]>("[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(heading => +heading.tagName[1])");
        levels[0].Should().Be(1);
        levels.Zip(levels.Skip(1)).Should().OnlyContain(pair => pair.Second <= pair.First + 1);
        levels.Count(level => level == 1).Should().Be(1);
        await visit.Page.Locator("td[data-a]").First.ClickAsync();
        (await visit.Page.Locator("p[aria-live]").InnerTextAsync()).Should().Contain(" is ");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_wants_it_still_has_it_still(bool still)
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook, still: still, fragment: "#output.weight.next[0,0]");
        await visit.Page.EvaluateAsync("Element.prototype.scrollIntoView = function (how) { window.how = how?.behavior; }");
        await visit.Cell("hidden.weight.grad", 0, 0).ClickAsync();
        await visit.Panel.Locator(".legend a").First.ClickAsync();
        (await visit.Page.EvaluateAsync<string>("window.how")).Should().Be(still ? "auto" : "smooth");
        (await visit.Page.EvaluateAsync<int>("document.getAnimations().length")).Should().Be(0);
    }
}
