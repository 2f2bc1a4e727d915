using System.Globalization;
using System.Text;
using System.Text.Json;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

public sealed class FormTests
{
    [Fact]
    public void Text_has_80_columns_and_shows_every_step_of_the_notebook()
    {
        var text = Some.NotebookExplained().ToText();
        text.Split('\n').Should().OnlyContain(line => line.Length <= 80);
        text.Should().ContainAll("Forward\n-------", "Loss: MSELoss()", "Backward\n--------", "Update: one step of gradient descent, learning rate 0.1", "hidden.weight.grad[0, 0] = 0.021334741937830547", "dW_kj = Σ_i dY_ik x_ij");
    }

    [Fact]
    public void Formulas_in_text_compute_to_what_stands_below_them()
    {
        // Each line of numbers is read as a reader reads it, with the digits that are shown.
        var model = Some.Shaken(new Sequential<double> { { "a", new Linear<double>(3, 4) }, { "n", new LayerNorm<double>(4) }, { "g", new GELU<double>() }, { "s", new Softmax<double>() }, { "r", new Residual<double>(new Tanh<double>()) }, { "p", new PReLU<double>() } });
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 3, 1), Some.Normal(4, 4, 2));
        var read = 0;
        foreach (var answer in Some.Answers(explanation).Where(answer => answer.Numbers is not null))
        {
            var formula = TextPrinter.Short(answer.Numbers!.Shortened(6));
            var value = new TextFormula(formula).Value;
            value.Should().BeApproximately(answer.Value, 2e-5 * Math.Max(1, answer.Numbers.Magnitude), "{0} = {1}", answer.Entry.Address, formula);
            read++;
        }

        read.Should().BeGreaterThan(200);
    }

    [Theory]
    [InlineData("2 - (3 - 4)")]
    [InlineData("2 / (3 · 4)")]
    [InlineData("(2 + 3) · 4")]
    [InlineData("(-2)^2")]
    [InlineData("e^(2 + 3)")]
    public void Brackets_stand_where_they_must(string expected)
    {
        Expression two = 2, three = 3, four = 4;
        var all = new Dictionary<string, Expression>
        {
            ["2 - (3 - 4)"] = two - (three - four),
            ["2 / (3 · 4)"] = two / (three * four),
            ["(2 + 3) · 4"] = (two + three) * four,
            ["(-2)^2"] = Expression.Power(-2, 2),
            ["e^(2 + 3)"] = Expression.Exp(two + three),
        };
        TextPrinter.Short(all[expected]).Should().Be(expected);
        new TextFormula(expected).Value.Should().BeApproximately(all[expected].Value, 1e-12);
    }

    [Fact]
    public void Markdown_has_formulas_in_LaTeX_and_no_markup_of_names()
    {
        var model = new Sequential<double> { { "<img src=x onerror=alert(1)>", new Linear<double>(1, 1) }, { "a`b|c*d_e", new Sigmoid<double>() }, { "\u05e9\u05dc\u05d5\u05dd & \"q\"", new Linear<double>(1, 1) } };
        var markdown = Explanation.Of(model, new MSELoss<double>(), Some.Points(), Some.Points(), new() { Title = "<script>alert(1)</script> [x](y)" }).ToMarkdown();
        markdown.Should().Contain(@"dW_{kj} = \sum_{i} dY_{ik} \, x_{ij}").And.Contain(@"\frac{1}{1 + e^{-x_{ij}}}");
        // Outside of code nothing is a tag.
        var outside = System.Text.RegularExpressions.Regex.Replace(markdown, "(`+)(?!`).*?[^`]\\1(?!`)", "");
        outside.Should().NotContain("<img").And.NotContain("<script").And.NotContain("[x](y)");
    }

    [Fact]
    public void A_page_is_one_file_and_holds_no_markup_of_names()
    {
        var model = new Sequential<double> { { "</script><script>alert(1)</script>", new Linear<double>(1, 1) }, { "{{json}}{{js}}", new Sigmoid<double>() } };
        var html = Explanation.Of(model, new MSELoss<double>(), Some.Points(), Some.Points(), new() { Title = "</title><script>alert(1)</script>{{css}}" }).ToHtml();
        html.Should().NotContain("<script>alert(1)").And.NotContain("</script><script>alert");
        html.Should().NotMatchRegex("(src|href)=[\"']?(https?:)?//");
        JsonOf(html).RootElement.GetProperty("title").GetString().Should().Be("</title><script>alert(1)</script>{{css}}");
    }

    [Fact]
    public void Pages_stay_small()
    {
        Encoding.UTF8.GetByteCount(Some.NotebookExplained().ToHtml()).Should().BeLessThan(100_000);
        var model = new Sequential<double>(new Linear<double>(784, 128), new ReLU<double>(), new Linear<double>(128, 10));
        Encoding.UTF8.GetByteCount(Explanation.Of(model, new CrossEntropyLoss<double>(), Some.Normal(32, 784, 1), Some.Classes<double>(32, 10)).ToHtml()).Should().BeLessThan(2_000_000);
        var wide = new Sequential<double>(new Linear<double>(4, 10_000), new ReLU<double>(), new Linear<double>(10_000, 3));
        Encoding.UTF8.GetByteCount(Explanation.Of(wide, new MSELoss<double>(), Some.Normal(4, 4, 1), Some.Normal(4, 3, 2)).ToHtml()).Should().BeLessThan(2_000_000);
        var batch = new Sequential<double>(new Linear<double>(2, 8), new Tanh<double>(), new Linear<double>(8, 8), new Tanh<double>(), new Linear<double>(8, 1));
        Encoding.UTF8.GetByteCount(Explanation.Of(batch, new MSELoss<double>(), Some.Normal(64, 2, 1), Some.Normal(64, 1, 2)).ToHtml()).Should().BeLessThan(2_000_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_page_s_own_numbers_compute_to_the_librarys(bool large)
    {
        var model = large
            ? Some.Shaken(new Sequential<double>(new Linear<double>(100, 70), new ReLU<double>(), new Linear<double>(70, 5)))
            : Some.Shaken(new Sequential<double>(new Linear<double>(3, 4), new BatchNorm1d<double>(4), new Mish<double>(), new Snake(4), new Linear<double>(4, 5)));
        using var page = JsonDocument.Parse(Explanation.Of(model, new CrossEntropyLoss<double>(), Some.Normal(6, large ? 100 : 3, 1), Some.Classes<double>(6, 5)).ToJson());
        var root = page.RootElement;
        var read = 0;
        foreach (var quantity in root.GetProperty("answers").EnumerateObject())
            foreach (var answer in quantity.Value.EnumerateObject())
            {
                answer.Value.TryGetProperty("agrees", out _).Should().BeFalse("it is said only where it is not so");
                if (!answer.Value.TryGetProperty("numbers", out var numbers)) continue;
                var value = answer.Value.GetProperty("value").GetDouble();
                PageFormula.Evaluate(root, numbers).Should().BeApproximately(value, 1e-12 + 1e-10 * Math.Max(1, Math.Abs(value)), "{0}[{1}]", quantity.Name, answer.Name);
                if (answer.Value.TryGetProperty("formula", out var formula)) root.GetProperty("formulas").GetArrayLength().Should().BeGreaterThan(formula.GetInt32());
                read++;
            }

        read.Should().BeGreaterThan(150);
    }

    [Fact]
    public void The_page_of_an_answer_is_that_of_the_page()
    {
        var explanation = Some.NotebookExplained();
        using var answer = JsonDocument.Parse(explanation.ToJson(explanation.Ask("hidden.weight.grad[0, 0]")));
        answer.RootElement.GetProperty("value").GetDouble().Should().Be(0.021334741937830547);
        answer.RootElement.GetProperty("formula")[0].GetString().Should().Be("=");
        using var without = JsonDocument.Parse(explanation.ToJson(answers: false));
        without.RootElement.GetProperty("answers").EnumerateObject().Should().BeEmpty();
    }

    [Fact]
    public void Numbers_that_JSON_lacks_are_texts()
    {
        var x = Some.Points();
        (x[0, 0], x[1, 0], x[2, 0], x[3, 0]) = (double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0);
        using var page = JsonDocument.Parse(Explanation.Of(Some.Notebook(), new MSELoss<double>(), x, Some.Points()).ToJson());
        page.RootElement.GetProperty("quantities").GetProperty("x").GetProperty("values").EnumerateArray().Select(row => row[0].ToString()).Take(4).Should().Equal("NaN", "Infinity", "-Infinity", "-0");
    }

    [Fact]
    public void All_forms_read_the_same_in_every_country()
    {
        var (text, markdown, json) = Forms();
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new("ar-SA") { NumberFormat = { NumberDecimalSeparator = "٫", NegativeSign = "−" } };
            Forms().Should().Be((text, markdown, json));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        static (string, string, string) Forms() => Some.NotebookExplained() is var e ? (e.ToText(), e.ToMarkdown(), e.ToJson()) : default;
    }

    [Fact]
    public void A_table_shows_digits_below_digits()
    {
        var aligned = Numbers.Aligned([-1, 0.25, 12.5, 1e-9, double.NaN]);
        new[] { -1, 0.25, 12.5, 0, 1e-9, double.NaN }.Select(aligned).Should().Equal("-1.00000", "0.25000", "12.50000", "0.00000", "1e-9", "NaN");
    }

    [Fact]
    public void A_summary_says_how_numbers_are_distributed()
    {
        var x = Matrix<double>.Build.DenseOfArray(new[,] { { 0.0, 4, -8 }, { 1, 2, double.NaN } });
        var summary = QuantitySummary.Of(Explanation.Of(new Identity<double>(), null, x, null)["x"]);
        (summary.Min, summary.Q1, summary.Median, summary.Q3, summary.Max).Should().Be((-8, 0, 1, 2, 4));
        summary.Norm.Should().BeApproximately(Math.Sqrt(85), 1e-15);
        summary.Zeros.Should().BeApproximately(1.0 / 6, 1e-15);
        summary.Largest.Select(entry => entry.Address).Should().Equal("x[1, 2]", "x[0, 2]", "x[0, 1]", "x[1, 1]", "x[1, 0]");
        summary.NotFinite!.Address.Should().Be("x[1, 2]");
        summary.Histogram.Sum().Should().Be(5);
    }

    [Fact]
    public void A_name_writes_no_lines_of_its_own_into_the_text()
    {
        var model = new Sequential<double> { { "a\nloss = 0 (all is well)", new Linear<double>(1, 1) }, { "\u001b[2Jb\u202e", new Sigmoid<double>() } };
        var text = Explanation.Of(model, new MSELoss<double>(), Some.Points(), Some.Points()).ToText();
        text.Should().NotContain("\nloss = 0 (all").And.NotContain("\u001b").And.NotContain("\u202e").And.Contain(@"a\u000Aloss");
    }

    private static JsonDocument JsonOf(string html)
    {
        const string open = "id=\"explanation\">";
        var start = html.IndexOf(open, StringComparison.Ordinal) + open.Length;
        return JsonDocument.Parse(html[start..html.IndexOf("</script>", start, StringComparison.Ordinal)]);
    }
}
