using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Samples.Worker;

/// <summary>Ends a training in its middle, as the system would, starts it again, and compares the model with that of a training that nobody ended.</summary>
internal static class Check
{
    internal static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("backprop-worker-").FullName;
        try
        {
            string model = Path.Combine(directory, "circle.safetensors"), checkpoint = Path.Combine(directory, "circle.checkpoint");
            await Serve(directory, stopIn: "Epoch 3 of");
            if (File.Exists(model) || !File.Exists(checkpoint)) return Failed("the training was not stopped in its middle");
            await Serve(directory, stopIn: "Epoch 20 of");
            if (File.Exists(model)) return Failed("the training was not stopped a second time");
            await Serve(directory, stopIn: null);

            var whole = Circle.NewTrainer();
            whole.Fit(Circle.Epochs);
            using var stream = new MemoryStream();
            Backprop.ModelFile.Save(whole.Model, stream);
            var resumed = await File.ReadAllBytesAsync(model);
            if (!stream.ToArray().SequenceEqual(resumed)) return Failed("the resumed training has other bits than the uninterrupted one");
            Console.WriteLine($"stopped twice and resumed: the same {stream.Length} bytes as uninterrupted, validation loss {whole.History.Epochs[^1].ValidationLoss:G6}");
            return Environment.ExitCode;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Runs the host until it ends, and ends it once a message says what it should.</summary>
    private static async Task Serve(string directory, string? stopIn)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection([new("directory", directory)]);
        builder.Services.AddHostedService<TrainingService>();
        using var seen = new Seen(stopIn);
        builder.Logging.AddProvider(seen);
        using var host = builder.Build();
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        seen.Found = () =>
        {
            // As systemd, Docker and Kubernetes do it. Windows has no such signal: there, as a service is stopped.
            if (OperatingSystem.IsWindows()) lifetime.StopApplication();
            else Process.Start("kill", ["-TERM", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]).Dispose();
        };
        await host.RunAsync();
    }

    private static int Failed(string what)
    {
        Console.Error.WriteLine($"worker: {what}");
        return 1;
    }

    /// <summary>Looks for a text in what is logged.</summary>
    private sealed class Seen(string? text) : ILoggerProvider, ILogger
    {
        internal Action? Found { get; set; }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (text is null || !formatter(state, exception).StartsWith(text, StringComparison.Ordinal)) return;
            (text, var found) = (null, Found);
            found?.Invoke();
        }

        public void Dispose() { }
    }
}
