using System.CommandLine;
using System.Globalization;
using Backprop.Walkthrough;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>The walkthrough's GPT: it reads GPT-2's files, learns as in PyTorch, goes on where it was stopped, and writes what PyTorch writes.</summary>
public sealed class TextTests : IDisposable
{
    private static readonly Dictionary<string, double[]> Gpt2 = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "gpt2.txt")).Select(line => line.Split(' '))
        .ToDictionary(fields => fields[0], fields => Array.ConvertAll(fields[1..], value => double.Parse(value, CultureInfo.InvariantCulture)));

    private static readonly TextSettings Settings = TextSettings.Default with { BatchSize = 4 };

    private readonly string _directory = Directory.CreateTempSubdirectory("backprop-").FullName;

    private static string Gpt2File => Path.Combine(AppContext.BaseDirectory, "fixtures", "gpt2.safetensors");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_file_of_GPT_2_gives_its_scores_whole_and_step_by_step()
    {
        var model = GptFile.Read<double>(Gpt2File, heads: 2);
        var x = Numbers(3, 1, 4, 1, 5, 9);
        var scores = model.Forward(x);
        var text = new Continuation<double>(model);
        for (var i = 0; i < 6; i++)
        {
            var next = text.Append(x.SubMatrix(i, 1, 0, 1));
            for (var j = 0; j < 11; j++)
            {
                var expected = Gpt2["scores"][i * 11 + j];
                scores[i, j].Should().BeApproximately(expected, 1e-12 + 1e-10 * Math.Abs(expected));
                next[0, j].Should().BeApproximately(scores[i, j], 1e-12);
            }
        }

        model.NamedParameters().Select(named => named.Name).Should().Contain("h.1.attn.c_attn.weight").And.Contain("h.0.mlp.c_proj.bias").And.Contain("ln_f.bias");
        var single = GptFile.Read<float>(Gpt2File, heads: 2).Forward(x.ToSingle());
        for (var i = 0; i < 66; i++) ((double)single[i / 11, i % 11]).Should().BeApproximately(Gpt2["scores"][i], 1e-4);
    }

    [Theory]
    [InlineData("greedy", 0)]
    [InlineData("sampled-0", 0)]
    [InlineData("sampled-1", 1)]
    [InlineData("sampled-2", 2)]
    [InlineData("sampled-3", 3)]
    [InlineData("sampled-4", 4)]
    public void It_writes_what_PyTorch_writes_from_the_same_weights_and_seed(string how, int seed)
    {
        var text = new Continuation<double>(GptFile.Read<double>(Gpt2File, heads: 2));
        var sampling = how == "greedy" ? new Sampling(0) : new Sampling(0.8, 4, new Generator(seed));
        var written = new List<double> { 3 };
        while (written.Count < 6) written.Add(sampling.Next<double>(text.Append(Numbers((int)written[^1])).AsColumnMajorArray()));
        written.Should().Equal(Gpt2[how]);
    }

    [Fact]
    public void A_file_that_is_no_GPT_2_is_refused()
    {
        var file = Path.Combine(_directory, "other");
        new Linear<double>(2, 3).Save(file);
        var act = () => GptFile.Read<double>(file, 2);
        act.Should().Throw<InvalidDataException>().WithMessage($"{file} is no GPT-2: it has no wte.weight of 2 dimensions.");
        var model = GptFile.Read<double>(Gpt2File, 2);
        model.Save(file);       // its linear layers are the usual way round there
        act.Should().Throw<InvalidDataException>().WithMessage($"{file} is no GPT-2 that fits: h.0.attn.c_attn.weight is 24 x 8, not 8 x 24.");
    }

    [Fact]
    public void The_words_are_letters_in_order()
    {
        var words = Words.Read();
        words.Should().HaveCount(63_849).And.OnlyHaveUniqueItems().And.BeInAscendingOrder(StringComparer.Ordinal);
        words.Should().OnlyContain(word => word.Length >= 2 && word.Length <= 22 && word.All(letter => char.IsAsciiLetterLower(letter)));
        var pieces = Words.Pieces<double>(["abc", "zzz", "question", "thirtyone", "more"]);
        pieces.Count.Should().Be(1);
        string.Concat(pieces.X.Column(0).Select(number => Words.CharacterOf((int)number))).Should().Be("\nabc\nzzz\nquestion\nthirtyone\nmore\n"[..32]);
        string.Concat(pieces.Y.Column(0).Select(number => Words.CharacterOf((int)number))).Should().Be("\nabc\nzzz\nquestion\nthirtyone\nmore\n"[1..33]);
    }

    [NeedsTorch]
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void Beside_PyTorch_the_losses_are_the_same(double dropout)
    {
        Assert.SkipUnless(dropout == 0 || TorchRandom.DrawsSameMasks(), "This PyTorch draws by a generator of MKL.");
        using var alone = TorchRandom.Alone();
        var settings = Settings with { Dropout = dropout };
        var trainer = Words.NewTrainer<double>(settings);
        using var twin = new TextTwin<double>(trainer.Model, Words.Sizes, settings);
        for (var step = 0; step < 12; step++)
        {
            trainer.Training.TryGather(step, out var batch).Should().BeTrue();
            var theirs = twin.Step(batch, trainer.Optimizer.Groups[0].LearningRate);
            trainer.Step(batch.X, batch.Y).Should().BeApproximately(theirs, 1e-9 * theirs, "this is step {0}", step);
            trainer.BatchScheduler!.Step();
        }
    }

    [Fact]
    public void Stopped_and_resumed_it_learns_the_same()
    {
        var file = Path.Combine(_directory, "text");
        var settings = Settings with { Dropout = 0.1 };
        Train(settings, until: 2, trainer => trainer.SaveCheckpoint(file));
        Trainer<float>? whole = null, resumed = null;
        Train(settings, until: 4, trainer => whole = trainer);
        Train(settings, until: 4, trainer => resumed = trainer, trainer => trainer.LoadCheckpoint(file));
        for (var i = 0; i < whole!.Model.Parameters.Count; i++) resumed!.Model.Parameters[i].Values.ToArray().Should().Equal(whole.Model.Parameters[i].Values.ToArray());

        static void Train(TextSettings settings, int until, Action<Trainer<float>> end, Action<Trainer<float>>? begin = null)
        {
            var trainer = Words.NewTrainer<float>(settings);
            begin?.Invoke(trainer);
            trainer.Fit(settings.Epochs, progress =>
            {
                if (progress.Batch == until) progress.Stop();
            });
            trainer.Batch.Should().Be(until);
            end(trainer);
        }
    }

    [Fact]
    public void Stopped_it_says_how_to_go_on()
    {
        var file = Path.Combine(_directory, "text");
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var text = new StringWriter();
            TextCommand.Run<float>(Screen.Create(text), TextWriter.Null, Settings, new(Save: file, Resume: attempt == 0 ? null : file), new(0), besidePyTorch: false, new(true)).Should().Be(130);
            text.ToString().Should().Contain("103,872 parameters, in float.").And.Contain("Stopped after 0 epochs and 0 batches.").And.Contain($"--resume {file}");
            text.ToString().Replace(file, "", StringComparison.Ordinal).Split('\n').Max(line => line.Length).Should().BeLessThanOrEqualTo(80);
        }
    }

    [Fact]
    public void A_word_ends_where_the_network_says_or_where_there_is_no_room()
    {
        var generator = new Generator(1);
        var model = Gpt.Create<float>(Words.Sizes, 0, generator, generator);
        var text = new Continuation<float>(model);
        var sampling = new Sampling(1, generator: new Generator(2));
        for (var i = 0; i < 20; i++) Words.Write(text, sampling, "ab").Should().MatchRegex("^ab[a-z]{0,29}$");
        // One that never ends, as its end has the least score.
        ((Embedding<float>)model["wte"]).Weight.Value.SetRow(0, Vector<float>.Build.Dense(64));
        Init.Constant(((LayerNorm<float>)model["ln_f"]).Weight!, 0);
        Init.Constant(((LayerNorm<float>)model["ln_f"]).Bias!, 1);
        for (var letter = 1; letter < Words.Characters; letter++) ((Embedding<float>)model["wte"]).Weight.Value.SetRow(letter, Vector<float>.Build.Dense(64, letter));
        Words.Write(text, new Sampling(0)).Should().Be(new string('z', 31));
    }

    [Theory]
    [InlineData("--epochs", "0", "--epochs expects a whole number from 1 to 100000, but it is 0.")]
    [InlineData("--dropout", "1", "--dropout expects a number from 0 to 0.99, but it is 1.")]
    [InlineData("--top-k", "28", "--top-k expects a whole number from 1 to 27, but it is 28.")]
    [InlineData("--temperature", "-1", "--temperature expects a number from 0 to 100, but it is -1.")]
    [InlineData("--start", "Ab", "--start expects at most 31 letters from a to z, but it is Ab.")]
    [InlineData("--resume", "", "--resume expects the path of a file, but it is .")]
    public void A_bad_option_is_named_with_usage_and_exit_code_1(string option, string value, string message)
    {
        var (exitCode, output, error) = Run(option, value);
        exitCode.Should().Be(1);
        error.Should().Contain(message).And.NotContain("Exception");
        output.Should().Contain("Usage:").And.Contain("--top-k <count>");
    }

    [Fact]
    public void A_file_that_cannot_be_used_is_named_before_the_training()
    {
        var (exitCode, output, error) = Run("--resume", Path.Combine(_directory, "none"));
        exitCode.Should().Be(1);
        error.Should().Contain("none").And.NotContain("Exception");
        output.Should().NotContain("epoch");
    }

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var exitCode = NotebookCommand.Create().Parse(["text", .. arguments]).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    private static Matrix<double> Numbers(params int[] numbers) => Matrix<double>.Build.Dense(numbers.Length, 1, (i, _) => numbers[i]);
}
