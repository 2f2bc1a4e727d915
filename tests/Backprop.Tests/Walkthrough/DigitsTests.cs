using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Backprop.Walkthrough;
using FluentAssertions;
using Spectre.Console;
using Xunit;

namespace Backprop.Tests;

/// <summary>The walkthrough's digits: the losses are PyTorch's, and a training that is stopped and resumed is the same training.</summary>
public sealed partial class DigitsTests : IDisposable
{
    private static readonly Lazy<(int ExitCode, string Output, string Error)> Default = new(() => Run());
    private readonly string _directory = Directory.CreateTempSubdirectory("backprop-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_losses_of_all_epochs_are_those_that_Python_prints()
    {
        var theirs = Losses(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", "digits.txt")));
        var ours = Losses(Default.Value.Output);
        theirs.Should().HaveCount(30);
        ours.Should().HaveCount(30);
        // Twelve decimals are printed, and the least loss is 0.02.
        for (var i = 0; i < 30; i++) ours[i].Should().BeApproximately(theirs[i], 1e-9 * theirs[i] + 1e-12, "this is epoch {0}", i + 1);
    }

    [Fact]
    public void At_least_96_percent_of_the_digits_held_back_are_read()
    {
        var (exitCode, output, error) = Default.Value;
        exitCode.Should().Be(0);
        error.Should().BeEmpty();
        double.Parse(Accuracy().Match(output).Groups[1].Value, CultureInfo.InvariantCulture).Should().BeGreaterThanOrEqualTo(96);
        output.Should().Contain("is \\ read as   0   1   2   3   4   5   6   7   8   9");
        output.Split('\n').Max(line => line.Length).Should().BeLessThanOrEqualTo(80);
    }

    /// <summary>Two convolutions, step by step beside PyTorch's: in double to 1e-9 for 200 steps, whatever is dropped. In a process of its own: PyTorch's generator is one for all.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData("0", "double", "200")]
    [InlineData("0.5", "double", "200")]
    [InlineData("0.5", "float", "20")]
    public void Each_step_of_the_convolutional_network_has_PyTorchs_loss(string dropout, string precision, string steps)
    {
        var (exitCode, output, error) = WalkthroughProcessTests.Start(null, "digits", "--convolutional", "--dropout", dropout, "--precision", precision, "--epochs", "5", "--beside-pytorch");
        error.Should().BeEmpty();
        exitCode.Should().Be(0);
        output.Should().ContainAny($"The losses of the first {steps} steps are PyTorch's", SideBySide.OtherMasks[..60]);
        output.Split('\n').Max(line => line.TrimEnd('\r').Length).Should().BeLessThanOrEqualTo(80);
    }

    [Fact]
    public void The_convolutional_network_reads_more_than_985_of_1000()
    {
        var (exitCode, output, _) = Run("--convolutional");
        exitCode.Should().Be(0);
        double.Parse(Accuracy().Match(output).Groups[1].Value, CultureInfo.InvariantCulture).Should().BeGreaterThan(98.5);
    }

    [Fact]
    public void It_prints_the_same_again() => Run("--epochs", "2").Output.Should().Be(Run("--epochs", "2").Output);

    [Theory]
    [InlineData("--precision", "float")]
    [InlineData("--seed", "7")]
    [InlineData("--batch-size", "2000")]
    [InlineData("--learning-rate", "0.1")]
    public void Options_change_the_run(string option, string value)
    {
        var (exitCode, output, _) = Run("--epochs", "1", option, value);
        exitCode.Should().Be(0);
        Losses(output)[0].Should().BeInRange(0.1, 3).And.NotBe(Losses(Default.Value.Output)[0]);
    }

    [Fact]
    public void Stopped_and_resumed_it_ends_as_uninterrupted()
    {
        var file = Path.Combine(_directory, "digits");
        Run("--epochs", "2", "--save", file).ExitCode.Should().Be(0);
        var text = new StringWriter();
        using var cancellation = new CancellationTokenSource();
        using var canceller = new CancelAfterLines(text, 3, cancellation);
        DigitsCommand.Run<double>(Screen.Create(canceller), TextWriter.Null, DigitsSettings.Default with { Epochs = 5 }, new(Resume: file), besidePyTorch: false, cancellation.Token).Should().Be(130);
        text.ToString().Should().Contain("2 epochs and 0 batches are over.").And.Contain("Stopped after 3 epochs and 0 batches.").And.Contain($"--resume {file}");
        var (exitCode, output, _) = Run("--epochs", "5", "--resume", file);
        exitCode.Should().Be(0);
        var whole = Run("--epochs", "5").Output;
        output[output.IndexOf("epoch   4", StringComparison.Ordinal)..].Should().Be(whole[whole.IndexOf("epoch   4", StringComparison.Ordinal)..]);
    }

    [Fact]
    public void On_a_terminal_a_bar_shows_loss_and_accuracy_and_time_left()
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = Screen.Columns;
        DigitsCommand.Run<double>(console, TextWriter.Null, DigitsSettings.Default with { Epochs = 60 }, new(), besidePyTorch: false, CancellationToken.None).Should().Be(0);
        text.ToString().Should().MatchRegex(@"epoch \d+/60  loss 0\.\d{4}  accuracy 9\d\.\d %[^\n]*\d:\d\d").And.Contain("epoch  60   loss ").And.Contain("Test accuracy");
    }

    [Fact]
    public void Resumed_at_its_end_it_tells_the_result()
    {
        var file = Path.Combine(_directory, "digits");
        var first = Run("--epochs", "1", "--save", file).Output;
        var again = Run("--epochs", "1", "--resume", file);
        again.ExitCode.Should().Be(0);
        again.Output.Should().EndWith(first[first.IndexOf("is \\ read", StringComparison.Ordinal)..]);
    }

    [Theory]
    [InlineData("--epochs", "0", "--epochs expects a whole number from 1 to 100000, but it is 0.")]
    [InlineData("--batch-size", "0", "--batch-size expects a whole number from 1 to 100000, but it is 0.")]
    [InlineData("--learning-rate", "NaN", "--learning-rate expects a number from 0 to 1000, but it is NaN.")]
    [InlineData("--seed", "-1", "--seed expects a whole number from 0 to 2147483647, but it is -1.")]
    [InlineData("--precision", "half", "--precision expects double or float, but it is half.")]
    [InlineData("--save", "", "--save expects the path of a file, but it is .")]
    [InlineData("--steps", "3", "Unrecognized command or argument '--steps'.")]
    public void A_bad_option_is_named_with_usage_and_exit_code_1(string option, string value, string message)
    {
        var (exitCode, output, error) = Run(option, value);
        exitCode.Should().Be(1);
        error.Should().Contain(message).And.NotContain("Exception");
        output.Should().Contain("Usage:").And.Contain("--resume <file>");
    }

    [Fact]
    public void A_file_that_cannot_be_used_is_named_before_the_training()
    {
        var other = Path.Combine(_directory, "other");
        Run("--epochs", "1", "--save", other, "--seed", "3").ExitCode.Should().Be(0);
        Refused(["--resume", Path.Combine(_directory, "none")], "none");
        Refused(["--resume", other], "is a checkpoint of a training with other settings:", "training samples: ", "--resume expects the --convolutional, --seed");
        Refused(["--resume", other, "--seed", "3", "--batch-size", "16"], "batch size: 32 there, 16 here");
        Refused(["--resume", other, "--seed", "3", "--precision", "float"], "precision: double there, float here");
        Refused(["--save", Path.Combine(_directory, "missing", "digits")], "missing");
        Refused(["--save", _directory], _directory);
        Refused(["--resume", _directory], _directory);
        File.WriteAllText(other, "no checkpoint");
        Refused(["--resume", other], other);

        static void Refused(string[] arguments, params string[] messages)
        {
            var (exitCode, output, error) = Run(arguments);
            exitCode.Should().Be(1);
            error.Should().ContainAll(messages).And.NotContain("   at ").And.NotContain("Exception");
            output.Should().NotContain("epoch");
        }
    }

    [Fact]
    public void A_learning_rate_that_is_too_large_is_named()
    {
        var (exitCode, _, error) = Run("--learning-rate", "1000", "--precision", "float", "--epochs", "3");
        exitCode.Should().BeOneOf(0, 1);
        if (exitCode == 1) error.Should().Contain("epoch").And.Contain("A smaller learning rate");
    }

    [NeedsTorch]
    [Fact]
    public void Beside_PyTorch_the_losses_are_the_same()
    {
        var (exitCode, output, error) = WalkthroughProcessTests.Start(null, "digits", "--epochs", "10", "--beside-pytorch");
        exitCode.Should().Be(0, "{0}{1}", output, error);
        error.Should().BeEmpty();
        output.Should().Contain("The losses are PyTorch's (largest relative difference ");
        output.Split('\n').Max(line => line.TrimEnd('\r').Length).Should().BeLessThanOrEqualTo(80);
    }

    [Fact]
    public void An_interrupt_stops_it_with_a_checkpoint()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no kill to send an interrupt with.");
        Assert.SkipWhen(InterruptsAreIgnored(), "The tests were started with interrupts ignored, and so would be what they start.");
        var file = Path.Combine(_directory, "digits");
        using var process = Process.Start(WalkthroughProcessTests.StartInfo(null, "digits", "--epochs", "100000", "--save", file))!;
        process.StandardOutput.ReadLine();
        while (process.StandardOutput.ReadLine() is string line && !line.StartsWith("epoch   2", StringComparison.Ordinal)) { }
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) kill.WaitForExit();
        var rest = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(130);
        rest.Should().Contain("Stopped after ").And.Contain($"--resume {file}");
        Run("--epochs", "1", "--resume", file).ExitCode.Should().Be(0);
    }

    // As a shell does with what it puts in the background.
    private static bool InterruptsAreIgnored() =>
        File.Exists("/proc/self/status") && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is string ignored
        && (ulong.Parse(ignored["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0b10) != 0;

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var exitCode = NotebookCommand.Create().Parse(["digits", .. arguments]).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    private static double[] Losses(string output) => [.. Epoch().Matches(output).Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"^epoch +\d+   loss (\S+)", RegexOptions.Multiline)]
    private static partial Regex Epoch();

    [GeneratedRegex(@"Test accuracy (\S+) %")]
    private static partial Regex Accuracy();

    /// <summary>Cancels when so many epochs were told of.</summary>
    private sealed class CancelAfterLines(StringWriter text, int epoch, CancellationTokenSource cancellation) : StringWriter
    {
        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

        public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

        public override void Write(string? value)
        {
            text.Write(value);
            if (text.ToString().Contains($"epoch {epoch,3}", StringComparison.Ordinal)) cancellation.Cancel();
        }

        public override void WriteLine(string? value) => Write(value + Environment.NewLine);
    }
}
