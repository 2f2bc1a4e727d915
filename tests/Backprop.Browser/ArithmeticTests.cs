using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Backprop.Browser;

/// <summary>Every entry is asked, and its formula with numbers is read from the page and computed anew.</summary>
public sealed class ArithmeticTests(Chromium chromium)
{
    // Everything that can be asked, asked in the page: the panel's formula as it stands, its result and what was said.
    private const string AskAll = """
        async most => {
          const data = JSON.parse(document.getElementById('explanation').textContent), found = [];
          const all = Object.entries(data.answers).flatMap(([a, keys]) => Object.keys(keys).map(key => [a, ...key.split(',').map(Number)]));
          const every = Math.max(1, Math.floor(all.length / most));
          for (const [a, r, c] of all.filter((_, i) => i % every === 0)) {
            const q = data.quantities[a];
            location.hash = '#' + encodeURIComponent(q.number ? a : q.vector ? `${a}[${c}]` : `${a}[${r},${c}]`);
            await new Promise(resolve => addEventListener('popstate', () => setTimeout(resolve), { once: true }));
            const panel = document.querySelector('.panel'), numbers = panel.querySelector('math.numbers'), result = panel.querySelector('.result');
            found.push({ name: panel.querySelector('h2').textContent, given: !!data.answers[a][`${r},${c}`].given, numbers: numbers && new XMLSerializer().serializeToString(numbers),
              shown: result.textContent, full: result.dataset.value, agrees: !!panel.querySelector('.agrees'), wrong: !!panel.querySelector('.wrong'), value: String(data.answers[a][`${r},${c}`].value) });
          }
          return found;
        }
        """;

    public static TheoryData<string, int, int> Pages => new()
    {
        { nameof(Networks.Notebook), 10_000, 60 },
        { nameof(Networks.Xor), 10_000, 80 },
        { nameof(Networks.Branches), 400, 300 },
        { nameof(Networks.Digits), 250, 200 },
        { nameof(Networks.HostileNames), 10_000, 40 },
    };

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Every_formula_with_numbers_comes_to_the_result_that_stands_below_it(string page, int most, int atLeast)
    {
        await using var visit = await chromium.OpenAsync((string)typeof(Networks).GetProperty(page)!.GetValue(null)!, fragment: "#x[0,0]");
        var all = await visit.Page.EvaluateAsync<Asked[]>(AskAll, most);
        all.Length.Should().BeGreaterThanOrEqualTo(atLeast);
        foreach (var asked in all)
        {
            asked.wrong.Should().BeFalse(asked.name);
            var full = Numbers.Parse(asked.full);
            full.Should().Be(Numbers.Parse(asked.value), asked.name);
            Numbers.Parse(asked.shown).Should().BeApproximately(full, Math.Abs(full) * 5.1e-6, $"{asked.name} has six digits");
            if (asked.given || asked.numbers is null) continue;
            asked.agrees.Should().BeTrue(asked.name);
            var size = Formula.Size(asked.numbers);
            Formula.Evaluate(asked.numbers, Formula.Full).Should().BeApproximately(full, 1e-12 * Math.Max(size, Math.Abs(full)), $"{asked.name} with all digits is {asked.numbers}");
            Formula.Evaluate(asked.numbers, Formula.Shown).Should().BeApproximately(Numbers.Parse(asked.shown), 2e-5 * Math.Max(size, Math.Abs(full)), $"{asked.name} with the digits that are shown is {asked.numbers}");
        }
    }

    [Fact]
    public async Task The_notebooks_gradients_stand_there()
    {
        await using var visit = await chromium.OpenAsync(Networks.Notebook);
        (await Visit.ValueAsync(visit.Cell("hidden.weight.grad", 0, 0))).Should().BeApproximately(0.021334741937830547, 1e-15);
        (await Visit.ValueAsync(visit.Cell("hidden.bias.grad", 0, 0))).Should().BeApproximately(0.002497324795365717, 1e-15);
        (await Visit.ValueAsync(visit.Cell("output.weight.grad", 0, 0))).Should().BeApproximately(-0.028638404775643, 1e-15);
        (await visit.Cell("hidden.weight.grad", 0, 0).InnerTextAsync()).Should().Be("0.0213347");
        (await Visit.ValueAsync(visit.Cell("loss", 0, 0))).Should().BeApproximately(0.42893259384435856, 1e-15);
    }

    [Fact]
    public async Task Every_number_has_its_full_value_and_shows_it_rounded()
    {
        foreach (var page in new[] { Networks.Notebook, Networks.Digits, Networks.Branches })
        {
            await using var visit = await chromium.OpenAsync(page);
            var numbers = await visit.Page.EvaluateAsync<string[][]>("[...document.querySelectorAll('td[role=gridcell], .n, mn[data-value]')].map(node => [(node.firstChild ?? node).textContent, node.dataset.value ?? ''])");
            numbers.Length.Should().BeGreaterThan(100);
            foreach (var number in numbers.Where(number => number[0] != "–" && !number[0].Contains(']', StringComparison.Ordinal)))
            {
                var (text, full) = (number[0].Split(' ')[^1].TrimEnd('%', '\u00a0'), Numbers.Parse(number[1]));
                if (number[0].EndsWith('%')) (text, full) = (number[0][..^1], full * 100);
                Numbers.Parse(text).Should().BeApproximately(full, Numbers.Rounding(text) * 1.000001, $"{number[0]} stands for {number[1]}");
            }
        }
    }

    [Fact]
    public async Task What_does_not_agree_is_called_wrong_with_both_numbers()
    {
        await using var visit = await chromium.OpenAsync(Networks.Wrong, fragment: "#hidden.weight.grad[0,0]");
        var said = await visit.Panel.Locator(".wrong").InnerTextAsync();
        said.Should().Contain("WRONG").And.Contain("0.5").And.Contain("0.0213347");
        await Assertions.Expect(visit.Panel.Locator(".agrees")).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator("[aria-live]").Filter(new() { HasText = "wrong" })).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task A_users_layer_is_marked_as_explained_by_its_own_backward_pass()
    {
        await using var visit = await chromium.OpenAsync(Networks.Branches);
        var name = await visit.Page.EvaluateAsync<string>("Object.entries(JSON.parse(document.getElementById('explanation').textContent).answers).flatMap(([a, of]) => Object.entries(of).filter(([, answer]) => answer.generic && answer.numbers).map(([key]) => `${a}[${key}]`))[0]");
        await visit.Page.EvaluateAsync("name => { location.hash = '#' + encodeURIComponent(name); }", name);
        await Assertions.Expect(visit.Panel.Locator(".note").First).ToContainTextAsync("own backward pass");
    }

#pragma warning disable IDE1006, CA1812 // As the script names them; and it is the browser that makes them.
    private sealed record Asked
    {
        public string name { get; set; } = "";
        public bool given { get; set; }
        public string? numbers { get; set; }
        public string shown { get; set; } = "";
        public string full { get; set; } = "";
        public string value { get; set; } = "";
        public bool agrees { get; set; }
        public bool wrong { get; set; }
    }
#pragma warning restore IDE1006, CA1812
}
