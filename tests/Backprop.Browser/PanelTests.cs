using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>Asking, asking on, and going back.</summary>
public sealed class PanelTests(Chromium chromium)
{
    [Fact]
    public async Task A_number_that_is_clicked_says_where_it_comes_from()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        (await visit.AskedAsync()).Should().Be("loss", "that is opened first");
        await visit.Cell("hidden.weight.grad", 0, 0).ClickAsync();
        (await visit.AskedAsync()).Should().Be("hidden.weight.grad[0, 0]");
        visit.Page.Url.Should().EndWith("#hidden.weight.grad[0,0]");
        await Assertions.Expect(visit.Panel.Locator("math.numbers mtr")).ToHaveCountAsync(8);
        await Assertions.Expect(visit.Panel.Locator(".agrees")).ToBeVisibleAsync();
        (await visit.Panel.Locator(".legend").InnerTextAsync()).Should().Contain("hidden.output.grad");
        await Assertions.Expect(visit.Cell("hidden.weight.grad", 0, 0)).ToHaveAttributeAsync("aria-selected", "true");
        (await visit.Page.Locator("td.used").CountAsync()).Should().BeGreaterThanOrEqualTo(16, "its factors light up");
    }

    [Fact]
    public async Task The_drawing_can_be_asked_as_well()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        await visit.Page.Locator(".drawing text[data-a='activation.output']").ClickAsync();
        (await visit.AskedAsync()).Should().Be("activation.output[0, 0]");
        await visit.Page.Locator(".drawing .wire[data-a='output.weight'] .hit").DispatchEventAsync("click");
        (await visit.AskedAsync()).Should().Be("output.weight[0, 0]");
        await visit.Page.Locator(".drawing .unit[data-a='loss']").ClickAsync();
        (await visit.AskedAsync()).Should().Be("loss");
    }

    [Fact]
    public async Task From_the_loss_to_the_hidden_weight_and_all_the_way_back()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        await visit.Cell("hidden.weight.grad", 0, 0).ClickAsync();
        string[] way = ["hidden.output.grad[0, 0]", "activation.output.grad[0, 0]", "output.output.grad[0, 0]", "output.output[0, 0]"];
        foreach (var next in way)
        {
            await visit.Panel.Locator($"mn[data-a='{next.Split('[')[0]}']").First.ClickAsync();
            (await visit.AskedAsync()).Should().Be(next);
        }

        (await visit.Panel.Locator(".trail li").AllInnerTextsAsync()).Should().Equal("…", "hidden.weight.grad[0, 0]", way[0], way[1], way[2]);
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync(way[2]);
        await visit.Page.Keyboard.PressAsync("Backspace");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync(way[1]);
        await visit.Page.GoForwardAsync();
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync(way[2]);
        await visit.Panel.Locator(".trail a").Filter(new() { HasText = "hidden.weight.grad[0, 0]" }).ClickAsync();
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("hidden.weight.grad[0, 0]");
        (await visit.Panel.Locator(".trail li").AllInnerTextsAsync()).Should().Equal("loss");
        await visit.Page.GoBackAsync();
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("loss");
    }

    [Fact]
    public async Task The_address_names_the_open_entry_and_opens_it_again()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook, fragment: "#output.bias.grad[0]");
        (await visit.AskedAsync()).Should().Be("output.bias.grad[0]");
        await visit.Cell("x", 3, 0).ClickAsync();
        await visit.Page.ReloadAsync();
        (await visit.AskedAsync()).Should().Be("x[3, 0]");
        await Assertions.Expect(visit.Panel.Locator(".trail a")).ToHaveTextAsync("output.bias.grad[0]");
        await visit.Page.EvaluateAsync("location.hash = '#loss'");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("loss");
        await visit.Page.EvaluateAsync("location.hash = '#no.such[0,0]'");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("loss");
        await visit.Page.EvaluateAsync("location.hash = '#%'");
        await Assertions.Expect(visit.Panel.Locator("h2")).ToHaveTextAsync("loss");
    }

    [Fact]
    public async Task A_symbol_leads_to_the_table_of_its_numbers()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook, fragment: "#hidden.weight.grad[0,0]");
        await visit.Panel.Locator(".legend a").Filter(new() { HasText = "hidden.output.grad" }).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("figure.found .name")).ToHaveTextAsync("hidden.output.grad");
        await Assertions.Expect(visit.Cell("hidden.output.grad", 0, 0)).ToBeFocusedAsync();
        await Assertions.Expect(visit.Page.Locator("figure.found")).ToBeInViewportAsync();
    }

    [Fact]
    public async Task Data_and_parameters_say_that_nothing_comes_before_them()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook, fragment: "#x[0,0]");
        await Assertions.Expect(visit.Panel).ToContainTextAsync("Data: it is given");
        await visit.Cell("hidden.weight", 0, 0).ClickAsync();
        await Assertions.Expect(visit.Panel).ToContainTextAsync("A parameter: it is learned");
        await Assertions.Expect(visit.Panel.Locator("input")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task What_a_formula_points_at_lights_up_where_it_stands()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook, fragment: "#hidden.weight.grad[0,0]");
        await visit.Panel.Locator("mn[data-a='hidden.output.grad'][data-r='2']").HoverAsync();
        await Assertions.Expect(visit.Page.Locator("td.hover").First).ToHaveAttributeAsync("data-r", "2");
        await visit.Page.Locator("h1").HoverAsync();
        await Assertions.Expect(visit.Page.Locator(".hover")).ToHaveCountAsync(0);
    }
}
