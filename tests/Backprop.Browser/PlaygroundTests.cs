using System.Globalization;
using System.Text.Json;
using Backprop.Explain;
using Backprop.Playground;
using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>The playground as people use it. What it shows is what the library computes on this machine, but for the last digits: WebAssembly has no fused multiply-add.</summary>
public sealed class PlaygroundTests(PlaygroundSite site, ITestOutputHelper output) : IClassFixture<PlaygroundSite>
{
    public static TheoryData<string> DataSets => [.. DataSet.All.Select(data => data.Name)];

    [Fact]
    public async Task It_begins_with_the_notebooks_network_and_its_numbers()
    {
        await using var visit = await site.OpenAsync();

        await Assertions.Expect(visit.Page.Locator("#root h1").First).ToHaveTextAsync("1-1-1 sigmoid mse");
        var numbers = await visit.NumbersAsync();
        numbers["loss 0 0"].Should().BeApproximately(0.42893259384435856, 1e-14);
        numbers["hidden.weight.grad 0 0"].Should().BeApproximately(0.021334741937830547, 1e-14);
        await CompareAsync(visit, new Workbench());
        new Uri(visit.Page.Url).Query.Should().BeEmpty();
        var time = await visit.TimeAsync("sinceNavigation");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"first numbers {time:F0} ms after the address was opened"));
    }

    [Fact]
    public async Task A_weight_is_dragged_and_all_numbers_follow()
    {
        await using var visit = await site.OpenAsync();
        var cell = visit.Page.Locator("td[data-a='hidden.weight'][data-edit]").First;
        await cell.ScrollIntoViewIfNeededAsync();
        var box = (await cell.BoundingBoxAsync())!;
        var before = await visit.NumbersAsync();

        await visit.Page.Mouse.MoveAsync(box.X + box.Width / 2, box.Y + box.Height / 2);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(box.X + box.Width / 2 + 83, box.Y + box.Height / 2, new() { Steps = 7 });
        await visit.Page.Mouse.UpAsync();
        await visit.DrawnAsync();

        var numbers = await visit.NumbersAsync();
        numbers["hidden.weight 0 0"].Should().BeApproximately(-0.1 + 0.83, 1e-9);
        numbers.Count(pair => pair.Value != before[pair.Key]).Should().BeGreaterThan(30);
        var bench = new Workbench();
        bench.SetEntry("hidden.weight", 0, 0, numbers["hidden.weight 0 0"]);
        await CompareAsync(visit, bench);

        // The slider and the field beside it.
        await visit.Page.GetByLabel("output.bias[0], as a slider").FillAsync("1.25");
        await visit.DrawnAsync();
        bench.SetEntry("output.bias", 0, 0, 1.25);
        await visit.Page.GetByLabel("output.weight[0, 0]", new() { Exact = true }).FillAsync("-0.75");
        await visit.Page.Keyboard.PressAsync("Enter");
        bench.SetEntry("output.weight", 0, 0, -0.75);
        await visit.Page.GetByLabel("Learning rate", new() { Exact = true }).FillAsync("0.5");
        await visit.Page.Keyboard.PressAsync("Tab");
        bench.SetSetting("lr", 0.5);
        await CompareAsync(visit, bench);
    }

    [Fact]
    public async Task A_step_is_made_part_by_part()
    {
        await using var visit = await site.OpenAsync();
        var bench = new Workbench();
        foreach (var (button, stage) in new[] { ("Forward", "1"), ("Loss", "2"), ("Backward", "3") })
        {
            await Part(visit, button).ClickAsync();
            (await visit.StateAsync("stage")).Should().Be(stage);
        }

        await Assertions.Expect(visit.Page.Locator("#progress")).ToContainTextAsync("Loss 0.4289");
        await Part(visit, "Update").ClickAsync();
        bench.Update();
        (await visit.StateAsync("steps")).Should().Be("1");
        await CompareAsync(visit, bench);
        for (var i = 0; i < 3; i++) await Part(visit, "Update").ClickAsync();
        bench.Train(3);
        await CompareAsync(visit, bench);
        await visit.Page.Locator("#reset").ClickAsync();
        await CompareAsync(visit, new Workbench());

        static ILocator Part(PlaygroundVisit visit, string name) => visit.Page.GetByRole(AriaRole.Group, new() { Name = "One step, part by part" }).GetByRole(AriaRole.Button, new() { Name = name });
    }

    [Fact]
    public async Task Training_lowers_the_loss_while_one_watches()
    {
        await using var visit = await site.OpenAsync("?data=circles");
        var rate = await visit.Page.EvaluateAsync<double>("() => { const { cs } = playground; cs.Train(200); const from = performance.now(); cs.Train(300); return 300000 / (performance.now() - from); }");
        await visit.Page.Locator("#speed").SelectOptionAsync("0");
        await visit.Page.Locator("#play").ClickAsync();
        await visit.UntilAsync("playground.state.steps > 700 && playground.state.accuracy > 0.95");
        await visit.Page.Locator("#play").ClickAsync();
        var steps = int.Parse((await visit.StateAsync("steps"))!, CultureInfo.InvariantCulture);

        var curve = await visit.Page.EvaluateAsync<double[]>("Array.from(playground.cs.History(400))");
        curve[^1].Should().BeLessThan(curve[0] / 3);
        await Assertions.Expect(visit.Page.Locator("#curve polyline.loss")).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.Locator("#play")).ToHaveTextAsync("Train");
        await visit.DrawnAsync();
        (await visit.StateAsync("steps")).Should().Be(steps.ToString(CultureInfo.InvariantCulture), "a pause is a pause");

        await visit.Page.EvaluateAsync("() => { for (let i = 0; i < 5; i++) playground.cs.SetEntry('hidden1.weight', 0, 0, i / 10); }");
        List<double> drags = [];
        await visit.Page.Mouse.MoveAsync(1, 1);     // not on the button
        await visit.Page.Mouse.DownAsync();
        for (var i = 0; i < 60; i++)        // a second of a hand's drag
        {
            await visit.Page.EvaluateAsync($"playground.edit('hidden1.weight', 0, 0, {i} / 60)");
            drags.Add(await visit.TimeAsync("lastDrag"));
        }

        await visit.Page.Mouse.UpAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"2-8-8-1 with 64 points: {rate:F0} steps a second; a drag is answered within {drags.Order().ElementAt(30):F0} ms (median of 60; nine of ten within {drags.Order().ElementAt(54):F0} ms, fastest {drags.Min():F0} ms)"));
    }

    [Fact]
    public async Task What_is_out_of_sight_follows_when_it_is_printed_or_a_moment_later()
    {
        await using var visit = await site.OpenAsync("?data=circles");
        await visit.Page.Locator("#root .drawing").ScrollIntoViewIfNeededAsync();
        await visit.DrawnAsync();
        const string Edit = "value => { playground.edit('hidden1.weight', 0, 0, value); return last(); }";
        await visit.Page.EvaluateAsync("() => { window.last = () => `${document.querySelector('.drawing [data-a=\"hidden1.weight\"]').dataset.value} ${document.querySelector('#root').matches('[data-behind]')}`; }");

        (await visit.Page.EvaluateAsync<string>(Edit, 0.25)).Should().Be("0.25 true", "the drawing is in sight, and most tables are not");
        await visit.Page.EvaluateAsync("dispatchEvent(new Event('beforeprint'))");
        (await visit.Page.EvaluateAsync<string>("last()")).Should().Be("0.25 false");
        (await visit.Page.EvaluateAsync<string>(Edit, 0.5)).Should().Be("0.5 true");
        var bench = new Workbench();
        bench.Start("?data=circles");
        bench.SetEntry("hidden1.weight", 0, 0, 0.5);
        await CompareAsync(visit, bench);
    }

    [Fact]
    public async Task What_the_notebook_hid_is_shown()
    {
        await using var visit = await site.OpenAsync();
        await Assertions.Expect(visit.Page.Locator("#hidden .missed")).ToHaveCountAsync(0);
        await visit.Page.GetByLabel("Show it: set the output weight to 0.5").CheckAsync();

        var cells = await visit.Page.Locator("#hidden td:not(:empty)").AllInnerTextsAsync();
        cells.Should().Equal("−0.1083", "0.02166", "0.06243", "−0.01249");
        await Assertions.Expect(visit.Page.Locator("#hidden .missed")).ToHaveCountAsync(2);
        await Assertions.Expect(visit.Page.Locator("#hiddenText")).ToContainTextAsync("Even its sign is wrong");
        (await visit.NumbersAsync())["hidden.weight.grad 0 0"].Should().BeApproximately(-0.108276814908, 1e-12);
        await visit.Page.GetByLabel("Show it: set the output weight to 0.5").UncheckAsync();
        await CompareAsync(visit, new Workbench());
    }

    [Fact]
    public async Task An_address_gives_the_same_page_again()
    {
        string address;
        Dictionary<string, double> numbers;
        await using (var visit = await site.OpenAsync())
        {
            await visit.Page.Locator("#data").SelectOptionAsync("xor");
            await visit.Page.Locator("#text").FillAsync("2 linear(3) layernorm tanh out:linear(1) bcewithlogits");
            await visit.Page.Keyboard.PressAsync("Enter");
            await visit.Page.Locator("#optimizer").SelectOptionAsync("adam");
            await visit.Page.Locator("#seed").FillAsync("17");
            await visit.Page.Keyboard.PressAsync("Tab");
            await visit.Page.GetByLabel("out.bias[0]", new() { Exact = true }).FillAsync("0.375");
            await visit.Page.Keyboard.PressAsync("Tab");
            await visit.Page.GetByLabel("Learning rate", new() { Exact = true }).FillAsync("0.03");
            await visit.Page.Keyboard.PressAsync("Tab");
            await visit.DrawnAsync();
            (address, numbers) = (new Uri(visit.Page.Url).Query, await visit.NumbersAsync());
        }

        await using var again = await site.OpenAsync(address);
        (await again.NumbersAsync()).Should().Equal(numbers);
        (await again.StateAsync("query")).Should().Be(address);
        (await again.StateAsync("network")).Should().Be("2 linear(3) layernorm tanh out:linear(1) bcewithlogits");
        await Assertions.Expect(again.Page.Locator("#optimizer")).ToHaveValueAsync("adam");
        await Assertions.Expect(again.Page.Locator("#lr")).ToHaveValueAsync("0.03");
        await Assertions.Expect(again.Page.Locator("#seed")).ToHaveValueAsync("17");
    }

    [Theory]
    [InlineData("?net=2-4-1+tahn+mse", "did you mean \"tanh\"?")]
    [InlineData("?data=moons", "but it has \"moons\"")]
    [InlineData("?net=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", "but there is \"<img\"")]
    [InlineData("?net=9-99999-99999-9+mse", "at most 200000 numbers to learn")]
    public async Task A_tampered_address_is_said_and_gives_the_notebooks_network(string query, string message)
    {
        await using var visit = await site.OpenAsync(query);

        await Assertions.Expect(visit.Page.Locator("#message")).ToContainTextAsync("The address could not be read, so this is the notebook's network.");
        await Assertions.Expect(visit.Page.Locator("#message")).ToContainTextAsync(message);
        await CompareAsync(visit, new Workbench());
    }

    [Fact]
    public async Task Weights_are_saved_and_opened()
    {
        await using var visit = await site.OpenAsync("?net=2-4-1+tanh+bcewithlogits&data=xor&seed=1");
        await visit.Page.EvaluateAsync("playground.cs.Train(20)");
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Page.Locator("#save").ClickAsync());
        var file = Path.GetTempFileName();
        await download.SaveAsAsync(file);

        // The library reads it.
        var bench = new Workbench();
        bench.Start("?net=2-4-1+tanh+bcewithlogits&data=xor&seed=2");
        JsonDocument.Parse(bench.Load(await File.ReadAllBytesAsync(file))).RootElement.GetProperty("error").GetString().Should().BeNull();

        await using var other = await site.OpenAsync("?net=2-4-1+tanh+bcewithlogits&data=xor&seed=2");
        await other.Page.Locator("#file").SetInputFilesAsync(file);
        await Assertions.Expect(other.Page.Locator("#fileText")).ToContainTextAsync("Opened");
        await CompareAsync(other, bench);

        // And a file that is none changes nothing.
        await File.WriteAllTextAsync(file, "no safetensors");
        await other.Page.Locator("#file").SetInputFilesAsync(file);
        await Assertions.Expect(other.Page.Locator("#fileText")).ToContainTextAsync("was not opened");
        await Assertions.Expect(other.Page.Locator("#message")).ToContainTextAsync("The file was not opened.");
        await CompareAsync(other, bench);
        File.Delete(file);
    }

    [Theory]
    [MemberData(nameof(DataSets))]
    public async Task Every_data_set_is_shown_and_learned(string name)
    {
        await using var visit = await site.OpenAsync();
        List<string> requests = [];
        visit.Page.Request += (_, request) => requests.Add(request.Url);
        await visit.Page.Locator("#data").SelectOptionAsync(name);
        await visit.UntilAsync($"playground.state.data === '{name}'");
        requests.Count(url => url.Contains("digits", StringComparison.Ordinal)).Should().Be(name == "digits" ? 1 : 0);

        if (name != "digits")
        {
            var bench = new Workbench();
            bench.SetData(name);
            await CompareAsync(visit, bench);
        }

        await visit.Page.EvaluateAsync("playground.cs.Train(20)");
        await visit.Page.Locator("#update").ClickAsync();
        var losses = await visit.Page.EvaluateAsync<double[]>("Array.from(playground.cs.History(100))");
        losses[^1].Should().BeLessThan(losses[0]);
        var shown = name switch { "digits" => "#samples canvas", "line" or "sine" => "#axes polyline.fit", _ => "#axes circle.point" };
        (await visit.Page.Locator(shown).CountAsync()).Should().BeGreaterThan(0);
        if (name is "xor" or "circles" or "spiral")
            (await visit.Page.EvaluateAsync<int>("() => { const canvas = document.getElementById('surface'), d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; return new Set(Array.from({ length: d.length / 4 }, (_, i) => d[4 * i] * 65536 + d[4 * i + 1] * 256 + d[4 * i + 2])).size; }")).Should().BeGreaterThan(20);
    }

    [Fact]
    public async Task Every_layer_of_the_catalogue_is_added_and_taken_away()
    {
        await using var visit = await site.OpenAsync();
        foreach (var word in NetworkText.Layers)
        {
            if (word == "embedding") await visit.Page.EvaluateAsync("() => { playground.cs.SetData('words'); playground.cs.SetNetwork('1 linear(1) mse'); }");
            if (word == "embedding") await visit.Page.Locator("#forward").ClickAsync();
            // An image of one pixel would be its own mean.
            if (word == "instancenorm2d") await visit.Page.EvaluateAsync("() => { playground.cs.SetData('xor'); playground.cs.SetNetwork('2 linear(1) bcewithlogits'); }");
            if (word == "instancenorm2d") await visit.Page.Locator("#forward").ClickAsync();
            var before = word is "embedding" or "instancenorm2d" ? 1 : (await visit.StateAsync()).GetProperty("layers").GetArrayLength();
            await visit.Page.Locator("#word").SelectOptionAsync(word);
            await visit.Page.Locator("#place").SelectOptionAsync("0");
            await visit.Page.Locator("#add").ClickAsync();
            (await visit.StateAsync()).GetProperty("layers")[0].GetString().Should().Contain(word);
            await Assertions.Expect(visit.Page.Locator("#textError")).ToBeHiddenAsync();
            await Assertions.Expect(visit.Page.Locator("#root .problems")).ToHaveCountAsync(0);
            await visit.Page.Locator("#update").ClickAsync();
            await visit.Page.Locator("#layers button").First.ClickAsync();
            (await visit.StateAsync()).GetProperty("layers").GetArrayLength().Should().Be(before);
            visit.ShouldBeWell(word);
        }

        await visit.Page.Locator("#text").FillAsync("1-3-1 sigmid mse");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(visit.Page.Locator("#textError")).ToContainTextAsync("did you mean \"sigmoid\"?");
    }

    [Fact]
    public async Task Points_are_set_dragged_and_moved_by_keys()
    {
        await using var visit = await site.OpenAsync("?data=xor");
        var (plane, end) = ((await visit.Page.Locator("#axes").BoundingBoxAsync())!, await visit.Page.EvaluateAsync<double>("playground.range[1]"));
        (float X, float Y) At(double a, double b) => ((float)(plane.X + (a + end) / (2 * end) * plane.Width), (float)(plane.Y + (end - b) / (2 * end) * plane.Height));

        await visit.Page.Locator("#brushClass").SelectOptionAsync("1");
        await visit.Page.Mouse.ClickAsync(At(0.02, 0.02).X, At(0.02, 0.02).Y);
        await Assertions.Expect(visit.Page.Locator("circle.point")).ToHaveCountAsync(65);
        var points = await visit.Page.EvaluateAsync<double[]>("Array.from(playground.cs.Points())");
        points[^3].Should().BeApproximately(0.02, 0.02);
        points[^1].Should().Be(1);

        await visit.Page.Mouse.MoveAsync(At(0.02, 0.02).X, At(0.02, 0.02).Y);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(At(-0.5, 0.3).X, At(-0.5, 0.3).Y, new() { Steps = 5 });
        await visit.Page.Mouse.UpAsync();
        await visit.DrawnAsync();
        points = await visit.Page.EvaluateAsync<double[]>("Array.from(playground.cs.Points())");
        points[^3].Should().BeApproximately(-0.5, 0.02);
        points[^2].Should().BeApproximately(0.3, 0.02);

        await Assertions.Expect(visit.Page.Locator("circle.chosen")).ToBeFocusedAsync();
        await visit.Page.Keyboard.PressAsync("ArrowLeft");
        await visit.DrawnAsync();
        (await visit.Page.EvaluateAsync<double[]>("Array.from(playground.cs.Points())"))[^3].Should().BeApproximately(points[^3] - end / 50, 2e-3);
        await visit.Page.Keyboard.PressAsync("Delete");
        await Assertions.Expect(visit.Page.Locator("circle.point")).ToHaveCountAsync(64);
        (await visit.StateAsync("data")).Should().Be("points");
        new Uri(visit.Page.Url).Query.Should().Contain("data=points");
    }

    [Fact]
    public async Task Any_number_says_where_it_comes_from()
    {
        await using var visit = await site.OpenAsync();
        await visit.Page.Locator("td[data-a='hidden.weight.grad']").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".panel math.numbers")).ToBeVisibleAsync();
        await Assertions.Expect(visit.Page.Locator(".panel")).ToContainTextAsync("the library has this number");
        await visit.Page.Locator(".panel mn[data-a]").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".panel .trail")).ToContainTextAsync("hidden.weight.grad[0, 0]");
    }

    [Theory]
    [InlineData("", 1600, false)]
    [InlineData("", 360, true)]
    [InlineData("?net=2-2-1+tanh+bcewithlogits&data=points&points=-1,-1,0;-1,1,1;1,-1,1;1,1,0&classes=2", 1100, true)]
    [InlineData("?data=digits", 360, false)]
    public async Task Axe_finds_nothing_and_a_phone_scrolls_down_alone(string query, int width, bool dark)
    {
        await using var visit = await site.OpenAsync(query, width, dark);
        await visit.Page.Locator("#update").ClickAsync();
        await visit.Page.Locator("#update").ClickAsync();

        (await visit.Page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(width);
        // The numbers of so many digits would take axe minutes, and are the explained page's, which has tests of its own.
        (await Axe.FindAsync(visit.Page, query.Contains("digits", StringComparison.Ordinal) ? "#tools" : null)).Should().BeEmpty();
    }

    [Fact]
    public async Task All_of_it_is_done_with_the_keyboard()
    {
        await using var visit = await site.OpenAsync();
        HashSet<string> reached = [];
        for (var i = 0; i < 60; i++)
        {
            await visit.Page.Keyboard.PressAsync("Tab");
            reached.Add(await visit.Page.EvaluateAsync<string>("document.activeElement.id || document.activeElement.className.baseVal || document.activeElement.textContent.slice(0, 20)"));
        }

        reached.Should().Contain(["forward", "lossStep", "backward", "update", "play", "speed", "reset", "lr", "lrSlide", "optimizer", "parameter0", "hide", "text", "word", "place", "add", "lossWord", "data", "seed", "newSeed", "copy", "save", "file"]);
        reached.Should().Contain(name => name.StartsWith("point", StringComparison.Ordinal), "the points are one stop");

        await visit.Page.Locator("#play").FocusAsync();
        await visit.Page.Keyboard.PressAsync("Space");
        await visit.UntilAsync("playground.state.steps > 3");
        await visit.Page.Keyboard.PressAsync("Space");
        await Assertions.Expect(visit.Page.Locator("#play")).ToHaveTextAsync("Train");
    }

    /// <summary>Each number that stands in a table is the library's.</summary>
    private static async Task CompareAsync(PlaygroundVisit visit, Workbench bench)
    {
        await visit.DrawnAsync();
        var quantities = JsonDocument.Parse(bench.Explanation()).RootElement.GetProperty("quantities");
        var shown = await visit.NumbersAsync();
        shown.Should().NotBeEmpty();
        foreach (var (entry, value) in shown)
        {
            var parts = entry.Split(' ');
            var quantity = quantities.GetProperty(string.Join(' ', parts[..^2]));
            var (row, column) = (int.Parse(parts[^2], CultureInfo.InvariantCulture), int.Parse(parts[^1], CultureInfo.InvariantCulture));
            if (quantity.TryGetProperty("shownRows", out _)) continue;
            var expected = quantity.GetProperty("values")[row][column].GetDouble();
            value.Should().BeApproximately(expected, 1e-12 * Math.Max(Math.Abs(expected), 1e-2), entry);
        }
    }
}
