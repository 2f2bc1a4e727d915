using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>Forward, loss, backward, update: a layer at a time.</summary>
public sealed class StepTests(Chromium chromium)
{
    [Fact]
    public async Task Each_press_goes_one_layer_further_and_shows_what_was_computed()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        var sentence = visit.Page.Locator(".sentence");
        var gradient = visit.Page.Locator(".drawing text[data-a='hidden.weight.grad']");
        var loss = visit.Page.Locator(".drawing text[data-a='loss']");
        await Assertions.Expect(gradient).ToBeVisibleAsync();
        string[] sentences =
        [
            "Forward, 1 of 3. hidden", "Forward, 2 of 3. activation", "Forward, 3 of 3. output", "Loss. MSELoss()", "Backward, 1 of 4. From right to left",
            "Backward, 2 of 4. output", "Backward, 3 of 4. activation", "Backward, 4 of 4. hidden", "Update. ",
        ];
        foreach (var (said, k) in sentences.Select((said, k) => (said, k)))
        {
            await visit.Page.Keyboard.PressAsync(k % 2 == 0 ? "ArrowRight" : "n");
            (await sentence.InnerTextAsync()).Should().StartWith(said);
            (await sentence.Locator("math, .text").CountAsync()).Should().BePositive($"step {k} has a formula");
            (await loss.IsVisibleAsync()).Should().Be(k >= 3, $"of the loss in step {k}");
            (await gradient.IsVisibleAsync()).Should().Be(k >= 7, $"of the first layer's gradient in step {k}");
            (await visit.Cell("hidden.weight.next", 0, 0).IsVisibleAsync()).Should().Be(k >= 8, $"of the next value in step {k}");
            (await visit.Page.Locator("figure.now").CountAsync()).Should().BePositive($"step {k} computes something");
        }

        await visit.Page.Keyboard.PressAsync("p");
        (await sentence.InnerTextAsync()).Should().StartWith("Backward, 4 of 4");
        await visit.Page.Keyboard.PressAsync("0");
        (await sentence.InnerTextAsync()).Should().StartWith("Everything is shown");
    }

    [Fact]
    public async Task Buttons_and_figures_choose_a_step()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        foreach (var (name, k) in new[] { ("Forward", 1), ("Loss", 2), ("Backward", 3), ("Update", 4) })
        {
            await visit.Page.GetByRole(AriaRole.Button, new() { Name = $"{k} {name}" }).ClickAsync();
            (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith(name);
            await Assertions.Expect(visit.Page.Locator(".steps [aria-pressed=true]")).ToHaveTextAsync($"{k} {name}");
            await visit.Page.Keyboard.PressAsync("0");
            await visit.Page.Keyboard.PressAsync($"{k}");
            (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith(name);
        }

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "One step back" }).ClickAsync();
        (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith("Backward, 4");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "All" }).ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".steps [aria-pressed=true]")).ToHaveTextAsync("All");
    }

    [Fact]
    public async Task Another_sample_has_other_values_in_the_drawing()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        await visit.Page.Locator(".controls select").SelectOptionAsync("7");
        (await Visit.ValueAsync(visit.Page.Locator(".drawing text[data-a='x']"))).Should().Be(1);
        await visit.Page.Locator(".drawing text[data-a='hidden.output']").ClickAsync();
        (await visit.AskedAsync()).Should().Be("hidden.output[7, 0]");
        await Assertions.Expect(visit.Page.Locator("tr.sample").First).ToHaveAttributeAsync("data-sample", "7");
    }

    [Fact]
    public async Task Without_a_loss_there_is_only_the_way_forward()
    {
        await using var visit = await chromium.OpenAsync(Networks.Lossless);
        (await visit.Page.Locator(".steps button").AllInnerTextsAsync()).Should().Equal("1 Forward", "All", "←", "→");
        await Assertions.Expect(visit.Page.Locator("header")).ToContainTextAsync("There is no loss: forward only.");
        await visit.Page.Keyboard.PressAsync("3");
        (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith("Everything");
        await Assertions.Expect(visit.Page.Locator("td.grad")).ToHaveCountAsync(0);
    }

    [Theory]
    [InlineData(nameof(Networks.Branches))]
    [InlineData(nameof(Networks.Digits))]
    public async Task Every_layer_has_its_turn(string page)
    {
        await using var visit = await chromium.OpenAsync((string)typeof(Networks).GetProperty(page)!.GetValue(null)!);
        var leaves = await visit.Page.EvaluateAsync<int>("JSON.parse(document.getElementById('explanation').textContent).layers.filter(layer => layer.leaf).length");
        await visit.Page.Keyboard.PressAsync("1");
        for (var k = 0; k < 2 * leaves + 2; k++)
        {
            if (k != leaves && k != leaves + 1) await Assertions.Expect(visit.Page.Locator(".drawing .here")).Not.ToHaveCountAsync(0);
            await visit.Page.Keyboard.PressAsync("ArrowRight");
        }

        (await visit.Page.Locator(".sentence").InnerTextAsync()).Should().StartWith("Update");
        await Assertions.Expect(visit.Page.Locator(".later")).ToHaveCountAsync(0);
    }
}
