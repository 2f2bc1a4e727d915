using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Backprop.Tests.Docs;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>The README is short, the documentation leaves nothing public out, and its tables and links are right. (Its code is run by <see cref="SnippetTests"/>.)</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void It_has_at_most_150_lines() => Repository.Read("README.md").Split('\n').Should().HaveCountLessThanOrEqualTo(151); // the last one ends

    [Fact]
    public void The_tables_have_the_formula_and_derivative_of_every_layer_and_loss()
    {
        Layer<double>[] layers =
        [
            new Linear<double>(3, 4), new Sigmoid<double>(), new Tanh<double>(), new ReLU<double>(), new LeakyReLU<double>(), new PReLU<double>(), new ELU<double>(), new SELU<double>(), new CELU<double>(),
            new GELU<double>(), new SiLU<double>(), new Mish<double>(), new Softplus<double>(), new Softsign<double>(), new LogSigmoid<double>(), new Hardtanh<double>(), new ReLU6<double>(), new Hardsigmoid<double>(),
            new Hardswish<double>(), new Softshrink<double>(), new Hardshrink<double>(), new Tanhshrink<double>(), new Softmax<double>(), new LogSoftmax<double>(), new LayerNorm<double>(4), new RMSNorm<double>(4),
            new BatchNorm1d<double>(4), new Dropout<double>(), new Embedding<double>(10, 3), new Residual<double>(new Tanh<double>()), new Identity<double>(), new Sequential<double>(),
            new Columns<double>(1, 2), new Concat<double>(), new Sum<double>(),
            new Conv1d<double>(2, 9, 4, 3), new Conv2d<double>(new(1, 8, 8), 4, 3), new ConvTranspose2d<double>(new(1, 8, 8), 4, 3), new MaxPool2d<double>(new(1, 8, 8), 2), new AvgPool2d<double>(new(1, 8, 8), 2),
            new AdaptiveAvgPool2d<double>(new(1, 8, 8), 1), new Upsample<double>(new(1, 8, 8), 16, UpsampleMode.Bilinear), new ZeroPad2d<double>(new(1, 8, 8), 1), new BatchNorm2d<double>(new(1, 8, 8)),
            new GroupNorm<double>(2, new(4, 8, 8)), new InstanceNorm2d<double>(new(1, 8, 8), affine: true), new Dropout2d<double>(4),
            new MultiheadAttention<double>(4, 2, 5), new ScaledDotProductAttention<double>(4, 2, 5), new PositionalEmbedding<double>(5, 4), new SinusoidalPositions<double>(5, 4), new TransformerEncoderLayer<double>(4, 2, 5),
            new Standardize<double>(4), new MinMaxScale<double>(4), new Impute<double>(4), new OneHot<double>([3, 0]),
            new RNN<double>(3, 4, 5), new GRU<double>(3, 4, 5), new LSTM<double>(3, 4, 5), new LastStep<double>(5), new MeanOverTime<double>(5), new MaxOverTime<double>(5), new ToSteps<double>(5), new ToRows<double>(5),
        ];
        Loss<double>[] losses =
        [
            new MSELoss<double>(), new L1Loss<double>(), new SmoothL1Loss<double>(), new HuberLoss<double>(), new BCELoss<double>(), new BCEWithLogitsLoss<double>(), new CrossEntropyLoss<double>(),
            new NLLLoss<double>(), new KLDivLoss<double>(), new PoissonNLLLoss<double>(), new GaussianNLLLoss<double>(),
            new CombinedLoss<double>(new LossPart<double>("price", new MSELoss<double>(), 0..1, 0..1)),
        ];
        layers.Cast<object>().Concat(losses).Select(instance => instance.GetType().GetGenericTypeDefinition()).Should().BeEquivalentTo(Concrete(typeof(Layer<>), typeof(Loss<>)));

        Compare("docs/layers.md", Table("layer", "dX and parameters", layers.Select(layer => (NameOf(layer.GetType()), layer.Formula, layer.Derivative))));
        Compare("docs/losses.md", Table("loss", "gradient", losses.Select(loss => (NameOf(loss.GetType()), loss.Formula, loss.Derivative))));

        static void Compare(string file, string table)
        {
            var beside = $"table-{Path.GetFileName(file)}";
            File.WriteAllText(Path.Combine(AppContext.BaseDirectory, beside), table);
            Repository.Read(file).Should().Contain(table, $"{beside}, beside the tests, goes into {file}");
        }

        static string Table(string what, string gradient, IEnumerable<(string Name, string Formula, string Derivative)> rows) =>
            $"| {what} | formula | {gradient} |\n|---|---|---|\n{string.Concat(rows.Select(row => $"| `{row.Name}` | {Code(row.Formula)} | {Code(row.Derivative)} |\n"))}";

        static string Code(string formula) => $"`{formula.Replace("|", "\\|", StringComparison.Ordinal)}`";
    }

    [Theory]
    [InlineData("docs/layers.md", typeof(Layer<>))]
    [InlineData("docs/losses.md", typeof(Loss<>))]
    [InlineData("docs/losses.md", typeof(Metric<>))]
    [InlineData("docs/optimizers.md", typeof(Optimizer<>))]
    [InlineData("docs/optimizers.md", typeof(LRScheduler))]
    public void Every_public_layer_loss_metric_optimizer_and_scheduler_is_in_the_documentation(string file, Type parent)
    {
        var text = Repository.Read(file);
        foreach (var type in Concrete(parent)) text.Should().Contain($"`{NameOf(type)}`");
    }

    [Fact]
    public void Every_layer_loss_and_optimizer_has_a_section_of_the_chain_rule_and_the_contents_have_every_section()
    {
        var text = Repository.Read("docs/CHAIN-RULE.md");
        var sections = Section().Matches(text).Select(match => match.Groups[1].Value).Where(title => title != "Contents").ToArray();
        var subjects = sections.SelectMany(title => title.Split(", ")).ToArray();
        foreach (var type in Concrete(typeof(Layer<>), typeof(Loss<>), typeof(Optimizer<>))) subjects.Should().Contain(NameOf(type));
        foreach (var scheduler in Concrete(typeof(LRScheduler))) text.Should().Contain(NameOf(scheduler));

        var contents = text[text.IndexOf("## Contents", StringComparison.Ordinal)..text.IndexOf("## Notation", StringComparison.Ordinal)];
        Link().Matches(contents).Select(match => (match.Groups["text"].Value, match.Groups["to"].Value)).Should().Equal(sections.Select(title => (title, $"#{Anchor(title)}")));
    }

    [Fact]
    public void Every_sample_is_on_its_page_and_none_has_more_than_60_lines()
    {
        var samples = Path.Combine(Repository.Root, "samples");
        string[] names = [.. Directory.GetFiles(samples, "*.cs").Select(file => Path.GetFileName(file)!), .. Directory.GetDirectories(samples).Where(folder => Directory.GetFiles(folder, "*.*proj").Length > 0).Select(folder => Path.GetFileName(folder)!)];
        var page = Regex.Matches(Repository.Read("docs/samples.md"), @"\| [`\[]samples/([^`\]]+)").Select(match => match.Groups[1].Value);
        page.Should().BeEquivalentTo(names);
        foreach (var file in Directory.GetFiles(samples, "*.cs")) File.ReadLines(file).Should().HaveCountLessThanOrEqualTo(60, file);
    }

    [Fact]
    public void Every_link_leads_somewhere()
    {
        foreach (var file in Repository.MarkdownFiles.Concat(["PROOF.md", "CHANGELOG.md"]))
            foreach (var to in Link().Matches(Fences().Replace(Repository.Read(file), "")).Select(match => match.Groups["to"].Value).Where(to => !to.StartsWith("https://", StringComparison.Ordinal)))
            {
                var (path, anchor) = to.Split('#') is [var first, var second] ? (first, second) : (to, "");
                var target = path.Length == 0 ? file : Path.Combine(Path.GetDirectoryName(file)!, path);
                File.Exists(Path.Combine(Repository.Root, target)).Should().BeTrue("{0} links to {1}", file, to);
                if (anchor.Length > 0) Section().Matches(Repository.Read(target)).Select(match => Anchor(match.Groups[1].Value)).Should().Contain(anchor, "{0} links to {1}", file, to);
            }
    }

    [Fact]
    public void Every_public_layer_parameter_and_loss_has_rows_in_the_proof_table_in_both_types()
    {
        var proof = Repository.Read("PROOF.md");
        foreach (var type in Concrete(typeof(Layer<>)).Where(type => type != typeof(Embedding<>)))
            foreach (var element in (string[])["double", "float"]) proof.Should().Contain($"| {NameOf(type)} | dL/dx | {element} |");
        foreach (var type in Concrete(typeof(Layer<>)))
            foreach (var parameter in type.GetProperties().Where(property => property.PropertyType.BaseType is { IsGenericType: true } parent && parent.GetGenericTypeDefinition() == typeof(Parameter<>)))
                foreach (var element in (string[])["double", "float"]) proof.Should().Contain($"| {NameOf(type)} | dL/d{InPyTorch(parameter.Name)} | {element} |");
        foreach (var type in Concrete(typeof(Loss<>)))
            foreach (var element in (string[])["double", "float"]) proof.Should().MatchRegex($@"\| {NameOf(type)} \| dL/d\w+ \| {element} \|");
    }

    /// <summary>Both are of one run: the largest of a subject's rows, and none is left out.</summary>
    [Fact]
    public void The_summary_of_the_proof_is_that_of_its_table()
    {
        var subjects = Cells("PROOF.md", 8).Where(row => row[2] is "double" or "float").ToLookup(row => row[0]);
        var summary = Cells("docs/proof.md", 6).Where(row => row[0].StartsWith('`')).ToDictionary(row => row[0].Trim('`'));
        summary.Keys.Should().BeEquivalentTo(subjects.Where(rows => !rows.Key.Contains(' ', StringComparison.Ordinal) && rows.Any(row => row[1].StartsWith("dL/", StringComparison.Ordinal))).Select(rows => rows.Key));
        foreach (var (subject, row) in summary)
        {
            (int Cases, double Double, double Float, double Finite) told = (int.Parse(row[2], CultureInfo.InvariantCulture), Number(row[3]), Number(row[4]), Number(row[5]));
            told.Should().Be((subjects[subject].Max(one => int.Parse(one[3], CultureInfo.InvariantCulture)), Largest("double", 5), Largest("float", 5), Largest("double", 7)), subject);

            double Largest(string type, int column) => subjects[subject].Where(one => one[2] == type).Select(one => Number(one[column])).DefaultIfEmpty().Max();
        }

        static IEnumerable<string[]> Cells(string file, int columns) => Repository.Read(file).Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Select(line => line.Trim().Trim('|').Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == columns);

        static double Number(string cell) => cell.Length == 0 ? 0 : double.Parse(cell, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<Type> Concrete(params Type[] bases) => typeof(Layer<>).Assembly.GetExportedTypes()
        .Where(type => type is { IsAbstract: false, IsClass: true } && Ancestors(type).Any(bases.Contains));

    private static IEnumerable<Type> Ancestors(Type type)
    {
        for (var current = type.BaseType; current is not null; current = current.BaseType)
            yield return current.IsGenericType ? current.GetGenericTypeDefinition() : current;
    }

    // InProjWeight is in_proj_weight there.
    private static string InPyTorch(string name) => string.Concat(name.Select((character, i) => char.IsUpper(character) && i > 0 ? $"_{character}" : $"{character}")).ToLowerInvariant();

    private static string NameOf(MemberInfo type) => type.Name.Split('`')[0];

    // As the hosts of Markdown make them.
    private static string Anchor(string title) => NotInAnchors().Replace(title.ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("^###? (.+)$", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex(@"\[(?<text>[^\]\n]+)\]\((?<to>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^```.*?^```|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fences();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchors();
}
