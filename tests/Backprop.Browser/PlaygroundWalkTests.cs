using System.Globalization;
using System.Text.Json;
using Backprop.Explain;
using Backprop.Playground;
using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>Somebody plays, whatever comes to hand: after each thing done every number on the page is the library's on this machine, and none is from before.</summary>
public sealed class PlaygroundWalkTests(PlaygroundSite site, ITestOutputHelper output) : IClassFixture<PlaygroundSite>
{
    private static readonly string[] Networks =
    [
        "1-1-1 sigmoid mse", "1-3-1 tanh mse", "2-4-1 relu bcewithlogits", "2-3-2 gelu crossentropy", "2 linear(3) layernorm silu linear(1) huber", "1 linear(4) batchnorm prelu residual(linear(4) tanh) linear(1) l1",
        "2 concat(tanh relu) linear(2) softplus linear(1) mse", "1-2 sigmiod mse", "2-", "3-3-1 tanh mse",
    ];

    [Fact]
    public Task No_number_is_wrong_or_stale_after_forty_things_at_random() => WalkAsync(1, steps => steps < 40);

    /// <summary>For as long as <c>BACKPROP_WALK_MINUTES</c> says, ten minutes unless it does, and from <c>BACKPROP_WALK_SEED</c>, where it is set.</summary>
    [Fact(Explicit = true)]
    public Task No_number_is_wrong_or_stale_in_ten_minutes()
    {
        var until = DateTime.UtcNow.AddMinutes(double.Parse(Environment.GetEnvironmentVariable("BACKPROP_WALK_MINUTES") ?? "10", CultureInfo.InvariantCulture));
        var seed = Environment.GetEnvironmentVariable("BACKPROP_WALK_SEED");
        return WalkAsync(seed is null ? Environment.TickCount : int.Parse(seed, CultureInfo.InvariantCulture), _ => DateTime.UtcNow < until);
    }

    private async Task WalkAsync(int seed, Func<int, bool> goesOn)
    {
        await using var visit = await site.OpenAsync();
        var (page, bench, random) = (visit.Page, new Workbench(), new Random(seed));
        var (numbers, done) = (0, new List<string>());
        for (var step = 0; goesOn(step); step++)
        {
            done.Add(await ActAsync());
            numbers += await CompareAsync(visit, bench, $"seed {seed}: {string.Join("; ", done.TakeLast(6))}");
        }

        output.WriteLine($"seed {seed}: {done.Count} things done, {numbers} numbers compared");

        async Task<string> ActAsync()
        {
            switch (random.Next(10))
            {
                case 0:
                    var text = Networks[random.Next(Networks.Length)];
                    await page.Locator("#text").FillAsync(text);
                    await page.Keyboard.PressAsync("Enter");
                    bench.SetNetwork(text);
                    return $"text {text}";
                case 1:
                    var loss = new[] { "mse", "l1", "huber", "smoothl1" }[random.Next(4)];
                    await page.Locator("#lossWord").SelectOptionAsync(loss);
                    bench.SetLoss(loss);
                    return $"loss {loss}";
                case 2:
                    var data = new[] { "line", "sine", "xor", "circles" }[random.Next(4)];
                    await page.Locator("#data").SelectOptionAsync(data);
                    bench.SetData(data);
                    return $"data {data}";
                case 3:
                    // The same number once more is no change to the page.
                    var number = (bench.Session.Setup.Seed + 1 + random.Next(99)) % 100;
                    await page.Locator("#seed").FillAsync($"{number}");
                    await page.Keyboard.PressAsync("Tab");
                    bench.SetSeed(number);
                    return $"seed {number}";
                case 4:
                    var optimizer = OptimizerSettings.All[random.Next(OptimizerSettings.All.Length)].Name;
                    await page.Locator("#optimizer").SelectOptionAsync(optimizer);
                    bench.SetOptimizer(optimizer);
                    return $"optimizer {optimizer}";
                case 5:
                    var rate = new[] { 0.01, 0.05, 0.1, 0 }[random.Next(4)];
                    await page.Locator("#lr").FillAsync(rate.ToString(CultureInfo.InvariantCulture));
                    await page.Keyboard.PressAsync("Tab");
                    bench.SetSetting("lr", rate);
                    return $"rate {rate}";
                case 6:
                    var word = NetworkText.Layers[random.Next(NetworkText.Layers.Count)];
                    await page.Locator("#word").SelectOptionAsync(word);
                    await page.Locator("#place").SelectOptionAsync(new SelectOptionValue { Index = 0 });
                    await page.Locator("#add").ClickAsync();
                    bench.InsertLayer(0, word);
                    return $"add {word}";
                case 7:
                    await page.Locator("#reset").ClickAsync();
                    bench.Reset();
                    return "reset";
                case 8:
                    var (address, value) = Parameter();
                    await page.EvaluateAsync(string.Create(CultureInfo.InvariantCulture, $"playground.edit('{address}', 0, 0, {value})"));
                    bench.SetEntry(address, 0, 0, value);
                    return $"{address} {value}";
                default:
                    await page.Locator("#update").ClickAsync();
                    bench.Update();
                    return "update";
            }
        }

        (string, double) Parameter()
        {
            var named = bench.Session.Network.Model.NamedParameters().Select(parameter => parameter.Name).ToArray();
            return named.Length == 0 ? ("x", 0.5) : (named[random.Next(named.Length)], Math.Round(random.NextDouble() * 2 - 1, 2));
        }
    }

    /// <returns>How many numbers were compared. Each step rounds differently without fused multiply-add, the next goes on from there, and an optimizer that divides by the gradient's own size makes much of it: so it is less exact than for a single pass.</returns>
    private static async Task<int> CompareAsync(PlaygroundVisit visit, Workbench bench, string done)
    {
        await visit.DrawnAsync();
        var quantities = JsonDocument.Parse(bench.Explanation()).RootElement.GetProperty("quantities");
        var shown = await visit.NumbersAsync();
        shown.Should().NotBeEmpty();
        foreach (var (entry, value) in shown)
        {
            var parts = entry.Split(' ');
            quantities.TryGetProperty(string.Join(' ', parts[..^2]), out var quantity).Should().BeTrue("{0} is on the page, after {1}", entry, done);
            if (quantity.TryGetProperty("shownRows", out _)) continue;
            var expected = Numbers.Parse(quantity.GetProperty("values")[int.Parse(parts[^2], CultureInfo.InvariantCulture)][int.Parse(parts[^1], CultureInfo.InvariantCulture)].ToString());
            if (double.IsFinite(expected)) value.Should().BeApproximately(expected, 1e-5 * Math.Max(Math.Abs(expected), 1), "{0}, after {1}", entry, done);
            else value.Should().Be(expected, "{0}, after {1}", entry, done);
        }

        return shown.Count;
    }
}
