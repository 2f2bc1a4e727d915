using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Backprop.Tests.Docs;
using FluentAssertions;
using Xunit;

namespace Backprop.Explain.Tests;

/// <summary>The three forms of a report, also where names and numbers are hostile.</summary>
public sealed partial class TrainingReportTests
{
    private const string Tag = "<script>alert('1')</script>", Quotes = "a\"b'c&amp;", Pipe = "x|y`*_[l](javascript:1)~$", RightToLeft = "שכבה", Override = "evil\u202Egnp", Lines = "one\ntwo\r\u0000";

    [Fact]
    public void Names_are_escaped_in_HTML()
    {
        var html = Hostile().ToHtml();
        var page = Parsed(html);
        html.Should().NotContain("<script").And.NotContain("<b>&").And.NotContain("\u202E").And.NotContain("\0");
        html.Should().Contain("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;").And.Contain("a&quot;b&#39;c&amp;amp;").And.Contain($"\u2068{RightToLeft}\u2069").And.Contain("evil\\u202Egnp").And.Contain("one\\u000Atwo\\u000D\\u0000");
        page.Descendants("script").Should().BeEmpty();
        page.Descendants("th").Select(cell => cell.Value).Should().Contain(value => value.Contains(Tag, StringComparison.Ordinal), "it is shown as it is called");
    }

    [Fact]
    public void Names_are_escaped_in_Markdown()
    {
        var markdown = Hostile().ToMarkdown();
        markdown.Should().NotContain("<").And.NotContain("\u202E").And.NotContain("\0");
        markdown.Should().Contain(@"x\|y\`\*\_\[l\](javascript:1)\~\$").And.Contain("&lt;script&gt;").And.Contain("&amp;amp;").And.Contain(@"evil\\u202Egnp");
        var rows = markdown.Split('\n').Where(line => line.StartsWith('|')).ToArray();
        foreach (var table in Tables(markdown)) table.Select(row => UnescapedPipe().Count(row)).Distinct().Should().ContainSingle("each row has as many cells as the head");
        rows.Should().HaveCountGreaterThan(8);
    }

    [Fact]
    public void Names_do_no_harm_on_a_screen()
    {
        var text = Hostile().ToText();
        text.Should().NotContain("\u202E").And.NotContain("\0").And.NotContain("\r").And.Contain("evil\\u202Egnp");
        RequireWidth(text);
        text.Count(c => c == '\u2068').Should().Be(text.Count(c => c == '\u2069'));
    }

    [Fact]
    public void Hostile_names_of_metrics_and_parts_are_escaped_in_all_forms()
    {
        var names = new[] { Tag, Quotes, Pipe, RightToLeft, Override, Lines };
        var history = new History([.. Enumerable.Range(1, 3).Select(epoch => new EpochResult(epoch, 0.1, 1.0 / epoch, 1, names.ToDictionary(name => name, _ => (double)epoch)) { TrainingParts = names.ToDictionary(name => $"p{name}", _ => 2.0) })]);
        var report = TrainingReport.Of(history);
        Parsed(report.ToHtml()).Descendants("script").Should().BeEmpty();
        report.ToMarkdown().Should().NotContain("<").And.NotContain("\0");
        foreach (var table in Tables(report.ToMarkdown())) table.Select(row => UnescapedPipe().Count(row)).Distinct().Should().ContainSingle();
        RequireWidth(report.ToText());
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_shown_and_charts_still_drawn()
    {
        var report = TrainingReport.Of(Strange);
        report.ToText().Should().Contain("NaN").And.Contain("infinity").And.Contain("-infinity");
        report.ToMarkdown().Should().Contain("| NaN |").And.Contain("| -infinity |");
        var page = Parsed(report.ToHtml());
        page.Descendants("td").Select(cell => cell.Value).Should().Contain("NaN").And.Contain("infinity").And.Contain("-infinity");
        var charts = page.Descendants("svg").ToArray();
        charts.Should().HaveCountGreaterThanOrEqualTo(3);
        foreach (var attribute in charts.SelectMany(chart => chart.DescendantsAndSelf()).SelectMany(element => element.Attributes()).Where(attribute => attribute.Name.LocalName is "d" or "x" or "y" or "cx" or "cy" or "x1" or "y1" or "x2" or "y2" or "viewBox"))
            attribute.Value.Should().NotContain("NaN").And.NotContain("∞").And.NotContain("Infinity").And.NotContain("E+");
        charts[0].Descendants("path").Should().NotBeEmpty();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5000)]
    public void A_history_of_any_length_can_be_shown(int epochs)
    {
        var history = new History([.. Enumerable.Range(1, epochs).Select(epoch => new EpochResult(epoch, 0.1, 1.0 / epoch, 2.0 / epoch, new Dictionary<string, double> { ["accuracy"] = 1 - 1.0 / epoch }))]);
        var report = TrainingReport.Of(history);
        var page = Parsed(report.ToHtml());
        page.Descendants("svg").Should().HaveCount(epochs == 0 ? 0 : 3);
        report.ToHtml().Length.Should().BeLessThan(100_000);
        report.ToText().Should().Contain(epochs == 1 ? "1 epoch." : epochs == 5000 ? "5,000 epochs." : $"{epochs} epochs.");
        RequireWidth(report.ToText());
        report.ToMarkdown().Split('\n').Count(line => line.StartsWith('|')).Should().Be(epochs == 0 ? 0 : 2 + Math.Min(epochs, 40));
    }

    [Fact]
    public void The_page_needs_nothing_else_and_can_be_read_by_anyone()
    {
        var html = Hostile().ToHtml();
        var page = Parsed(html);
        html.Should().NotContain("http").And.NotContain("url(").And.NotContain("@import").And.NotContain(" src=").And.NotContain(" href=");
        html.Should().Contain("prefers-color-scheme:dark").And.Contain("@media print").And.Contain("width=device-width");
        ((string)page.Root!.Attribute("lang")!).Should().Be("en");
        page.Descendants("h1").Should().ContainSingle();
        var charts = page.Descendants("svg").Where(chart => (string?)chart.Attribute("class") != "small").ToArray();
        charts.Should().HaveCountGreaterThanOrEqualTo(3);
        foreach (var chart in charts)
        {
            ((string)chart.Attribute("role")!).Should().Be("img");
            var labels = ((string)chart.Attribute("aria-labelledby")!).Split(' ');
            labels.Should().Equal((string)chart.Element("title")!.Attribute("id")!, (string)chart.Element("desc")!.Attribute("id")!);
            chart.Element("desc")!.Value.Should().NotBeEmpty();
        }

        page.Descendants("svg").Where(chart => (string?)chart.Attribute("class") == "small").Should().NotBeEmpty().And.OnlyContain(chart => ((string)chart.Attribute("aria-label")!).Length > 0);
        var ids = page.Descendants().Select(element => (string?)element.Attribute("id")).Where(id => id is not null).ToArray();
        ids.Should().OnlyHaveUniqueItems();
        page.Descendants("th").Should().OnlyContain(head => head.Attribute("scope") != null);
    }

    [Fact]
    public void A_chart_goes_through_its_numbers()
    {
        var history = new History([.. new double[] { 4, 2, 0 }.Select((loss, i) => new EpochResult(i + 1, 0.5, loss, null, new Dictionary<string, double>()))]);
        var path = (string)Parsed(TrainingReport.Of(history).ToHtml()).Descendants("svg").First().Descendants("path").Single().Attribute("d")!;
        // From the upper left corner of the axes, 4, to the lower right one, 0.
        path.Should().Be("M50 12L149 94L248 176");
    }

    [Theory]
    [InlineData("sv-SE")]
    [InlineData("fa-IR")]
    [InlineData("de-DE")]
    public void All_forms_are_the_same_in_every_culture(string culture)
    {
        string[] Forms() => [.. new[] { Hostile(), TrainingReport.Of(Strange) }.SelectMany(report => new[] { report.ToText(), report.ToMarkdown(), report.ToHtml(), string.Join('\n', report.Findings) })];
        var expected = Forms();
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            Forms().Should().Equal(expected);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_report_stays_as_it_is_when_the_training_goes_on()
    {
        var generator = new Generator(1);
        var model = Trainings.Small(generator);
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new Adam<double>(model.Parameters), new Batches<double>(Trainings.Wave(generator), 32, generator));
        var story = new TrainingStory<double>(trainer);
        story.Fit(2);
        var report = story.Tell();
        var before = report.ToHtml();
        story.Fit(4);
        report.ToHtml().Should().Be(before);
        story.Tell().ToHtml().Should().NotBe(before);
    }

    [Fact]
    public void Nothing_is_refused_by_its_name()
    {
        FluentActions.Invoking(() => TrainingReport.Of(null!)).Should().Throw<ArgumentNullException>().WithParameterName("history");
        FluentActions.Invoking(() => new TrainingReport(null!)).Should().Throw<ArgumentNullException>().WithParameterName("record");
        FluentActions.Invoking(() => new TrainingRecord(new([])).Of(0, sample => sample.Dead)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_documentation_has_every_diagnosis()
    {
        var page = Repository.Read("docs/explain-training.md");
        foreach (var diagnosis in Diagnosis.All) page.Should().Contain($"| {diagnosis.Name} |");
    }

    private static History Strange =>
        new([.. new[] { double.NaN, 1e300, 0.5, double.PositiveInfinity, -1e300, 0.25, double.NegativeInfinity }.Select((loss, i) => new EpochResult(i + 1, 0.1, loss, i % 2 == 0 ? double.NaN : loss, new Dictionary<string, double> { ["m"] = i == 3 ? double.NaN : 1e-300 * i }))]);

    private static TrainingReport Hostile()
    {
        var generator = new Generator(1);
        var model = new Sequential<double>
        {
            { Tag, new Sequential<double> { { Quotes, new Linear<double>(2, 8, generator: generator) }, { Pipe, new ReLU<double>() }, { RightToLeft, new Linear<double>(8, 8, generator: generator) } } },
            { Override, new ReLU<double>() }, { Lines, new Linear<double>(8, 1, generator: generator) },
        };
        // All of the units die: so there are findings with those names in them.
        ((Sequential<double>)model[Tag]).Get<Linear<double>>(RightToLeft).Bias!.Values.Fill(-100);
        ((Sequential<double>)model[Tag]).Get<Linear<double>>(Quotes).Bias!.Values.Fill(-100);
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.01), new Batches<double>(Trainings.Wave(generator, 64), 8, generator));
        var report = Trainings.Tell(trainer, 3);
        report.Findings.Count.Should().BeGreaterThanOrEqualTo(4);
        return report;
    }

    private static XDocument Parsed(string html)
    {
        html.Should().StartWith("<!DOCTYPE html>\n");
        return XDocument.Parse(html["<!DOCTYPE html>\n".Length..]);
    }

    private static void RequireWidth(string text) =>
        text.Split('\n').Should().OnlyContain(line => new StringInfo(line).LengthInTextElements - line.Count(c => c == '\u2068' || c == '\u2069') <= 80);

    private static IEnumerable<string[]> Tables(string markdown) =>
        markdown.Split("\n\n").Select(block => block.Split('\n').Where(line => line.StartsWith('|')).ToArray()).Where(rows => rows.Length > 0);

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex UnescapedPipe();
}
