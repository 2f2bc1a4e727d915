using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Backprop.Explain;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>The subcommand <c>explain</c>: any network, given as a line of text, number by number.</summary>
internal static class ExplainCommand
{
    /// <summary>Rows that are drawn where no file gives any, or as many more as make whole sequences.</summary>
    private const int Drawn = 4, MostDrawn = 4096;

    public static Command Create()
    {
        var network = new Argument<string>("network") { Description = "The network and its loss: \"2-4-1 sigmoid mse\", or layer by layer, \"2 linear(4) layernorm tanh linear(1) mse\"" };
        var data = Options.Path("--data", "CSV file, a row for each sample: inputs, then targets. Without it some samples are drawn");
        var model = Options.Path("--model", "Safetensors file with the parameters. Without it they are drawn");
        var seed = Options.Count("--seed", "Seed of what is drawn", 0, 0, int.MaxValue);
        var learningRate = Options.Number("--learning-rate", "Learning rate of the step that is shown", 0.1, 0, 1000);
        var precision = Options.Choice("--precision", "What to compute in", "double", "float");
        var mode = Options.Choice("--mode", "As in training or in evaluation", "training", "evaluation");
        var ask = new Option<string[]>("--ask") { Description = "Show only where this number comes from: \"hidden.weight.grad[0, 1]\"; may be given several times", HelpName = "address" };
        var html = Options.Path("--html", "Write the page here");
        var markdown = Options.Path("--markdown", "Write Markdown here");

        var command = new Command("explain", "Explains every value and every gradient of a network: its formula, the formula with numbers, and where each factor comes from.")
        {
            network, data, model, seed, learningRate, precision, mode, ask, html, markdown,
        };
        command.SetAction(arguments =>
        {
            var options = new ExplanationOptions { Title = arguments.GetValue(network), Training = arguments.GetValue(mode) == "training", LearningRate = arguments.GetValue(learningRate) };
            var request = new Request(arguments.GetValue(network)!, arguments.GetValue(data), arguments.GetValue(model), arguments.GetValue(seed), arguments.GetValue(ask) ?? [], arguments.GetValue(html), arguments.GetValue(markdown));
            var (output, error) = (arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error);
            return arguments.GetValue(precision) == "float" ? Run<float>(output, error, request, options) : Run<double>(output, error, request, options);
        });
        return command;
    }

    /// <summary>What the reader asked for.</summary>
    internal sealed record Request(string Network, string? Data, string? Model, int Seed, string[] Ask, string? Html, string? Markdown);

    /// <returns>The exit code: 0, or 1 where something is wrong, an explanation that does not agree with the library included.</returns>
    internal static int Run<T>(TextWriter output, TextWriter error, Request request, ExplanationOptions options) where T : unmanaged, IFloatingPointIeee754<T>
    {
        try
        {
            var generator = new Generator(request.Seed);
            var network = NetworkText.Parse<T>(request.Network, generator);
            if (request.Model is not null) network.Model.Load(request.Model);
            var (x, target) = request.Data is null ? Draw(network, generator) : Read(request.Data, network);
            if (request.Data is not null && request.Model is null) network.Model.FitPreprocessingIfAny(x);
            var explanation = Explanation.Of(network.Model, network.Loss, x, target, options);

            var wrong = 0;
            foreach (var address in request.Ask)
            {
                var answer = explanation.Ask(address);
                if (!answer.Agrees) wrong++;
                output.WriteLine(answer);
            }

            if (request.Ask.Length == 0 && request.Html is null && request.Markdown is null) output.Write(explanation.ToText());
            Write(request.Html, explanation.ToHtml);
            Write(request.Markdown, explanation.ToMarkdown);
            return wrong == 0 ? 0 : 1;
        }
        catch (Exception e) when (e is NetworkTextException or ArgumentException or KeyNotFoundException or InvalidOperationException or IOException or InvalidDataException or UnauthorizedAccessException or FormatException)
        {
            error.WriteLine(e.Message);
            return 1;
        }

        void Write(string? path, Func<string> content)
        {
            if (path is null) return;
            File.WriteAllText(path, content());
            output.WriteLine($"Written: {Path.GetFullPath(path)}");
        }
    }

    /// <summary>The samples of a file; its first line may have names.</summary>
    private static (Matrix<T> X, Matrix<T> Target) Read<T>(string path, ParsedNetwork<T> network) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new List<T[]>();
        using (var csv = CsvHelper.CsvReader.Create(File.OpenRead(path), new CsvHelper.CsvReaderOptions { HasHeader = false, TrackLineNumbers = true }))
        {
            while (csv.Read())
            {
                var fields = Enumerable.Range(0, csv.FieldCount).Select(csv.GetString).ToArray();
                var numbers = fields.Select(field => T.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : (T?)null).ToArray();
                if (csv.RowNumber <= 1 && rows.Count == 0 && numbers.All(number => number is null)) continue;
                var bad = Array.FindIndex(numbers, number => number is null);
                if (bad >= 0) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path} is expected to hold numbers, but line {csv.LineNumber} has \"{fields[bad]}\" in column {bad + 1}."));
                if (rows.Count > 0 && rows[0].Length != numbers.Length) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path} is expected to have {rows[0].Length} columns, but line {csv.LineNumber} has {numbers.Length}."));
                rows.Add([.. numbers.Select(number => number!.Value)]);
            }
        }

        if (rows.Count == 0) throw new InvalidDataException($"{path} is expected to hold samples, but it has none.");
        if (rows[0].Length <= network.Inputs)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path} is expected to have {network.Inputs} columns of inputs, and targets after them, but it has {rows[0].Length}."));
        return (Matrix<T>.Build.Dense(rows.Count, network.Inputs, (i, j) => rows[i][j]), Matrix<T>.Build.Dense(rows.Count, rows[0].Length - network.Inputs, (i, j) => rows[i][network.Inputs + j]));
    }

    /// <summary>Samples of the kind that the loss takes: any numbers, classes, or probabilities.</summary>
    private static (Matrix<T> X, Matrix<T> Target) Draw<T>(ParsedNetwork<T> network, Generator generator) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var x = Matrix<T>.Build.Dense(Rows(network.Model), network.Inputs);
        generator.Normal(x);
        network.Model.FitPreprocessingIfAny(x);
        var prediction = network.Model.Forward(x);
        var any = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);
        generator.Normal(any);
        foreach (var target in (Matrix<T>[])[Matrix<T>.Build.Dense(prediction.RowCount, 1, (i, _) => T.CreateChecked(i % prediction.ColumnCount)), any, any.Map(value => T.One / (T.One + T.Exp(-value)))])
        {
            try
            {
                network.Loss.Forward(prediction, target);
                return (x, target);
            }
            catch (ArgumentException)
            {
                // not of this kind
            }
        }

        throw new ArgumentException($"{network.Loss} takes neither classes nor numbers for {prediction.ColumnCount.ToString(CultureInfo.InvariantCulture)} outputs; give samples with --data.");
    }

    /// <summary>The least number of rows that the layers take: sequences have several.</summary>
    private static int Rows<T>(Sequential<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var rows = Drawn; ; rows++)
        {
            try
            {
                model.OutputRows(rows);
                return rows;
            }
            catch (ArgumentException) when (rows < MostDrawn)
            {
                // no whole sequences
            }
        }
    }

    private static void FitPreprocessingIfAny<T>(this Sequential<T> model, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (model.Any(layer => layer is Preprocessing<T>)) model.FitPreprocessing(x);
    }
}
