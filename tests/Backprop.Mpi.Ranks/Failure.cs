using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Backprop.Ranks;

/// <summary>Trains, with a checkpoint each epoch, until rank 1 does what no rank should.</summary>
public static partial class Failure
{
    private const int AtEpoch = 3;

    public static int Run(MpiRanks ranks, Options options)
    {
        var (kind, isIt) = (options.Subject, ranks.Rank == 1);
        switch (kind)
        {
            case "precision" when isIt:
                Trainings.Mlp<float>(ranks, options.Shards).Fit(2);
                return 0;
            case "loop" when isIt:
                Training.Loop(ranks, options);
                return 0;
            case "plain" when isIt:
                Trainings.Mlp<double>(ranks.Plain, options.Shards).Fit(2);
                return 0;
            case "meets" when isIt:
                ranks.Meet("the end of reading");
                return 0;
            case "length":
                ranks.Sum(new ShardSums<double>(isIt ? 1000 : 100_000, 1, ranks.Ranks));
                return 0;
            case "large":
                ranks.Sum(new ShardSums<double>(4_000_000, 1, ranks.Ranks));
                return 0;
            case "reduced length":
                ranks.AllReduce(new double[isIt ? 200 : 100]);
                return 0;
            case "reduced type" when isIt:
                ranks.AllReduce(new float[200]);
                return 0;
            case "reduced type":
                ranks.AllReduce(new double[100]);
                return 0;
            case "reduced later":
                ranks.AllReduce(new double[100]);
                ranks.AllReduce(new double[isIt ? 200 : 100]);
                return 0;
            case "another place":
                ranks.Meet(isIt ? "loading" : "saving");
                return 0;
            case "threads":
                Parallel.For(0, 4, _ =>
                {
                    for (var i = 0; i < 1000; i++) ranks.AllReduce(new double[100]);
                });
                return 0;
            case "saves within":
                ranks.OnFirst("looking back", () => ranks.Meet("the end of looking"));
                return 0;
            case "saves alone":
                if (ranks.IsFirst) Trainings.Mlp<double>(ranks, options.Shards).SaveCheckpoint(options.Save!);
                return 0;
            case "cannot save":     // and goes on, on all ranks
                var unsaved = Trainings.Mlp<double>(ranks, options.Shards);
                unsaved.Fit(3, progress =>
                {
                    if (progress.Moment != TrainingMoment.EpochEnd) return;
                    try
                    {
                        unsaved.SaveCheckpoint(Path.Combine(options.Save!, "no such directory", "a"));
                    }
                    catch (IOException)
                    {
                        Console.WriteLine($"not saved {progress.Epoch}");
                    }
                });
                return 0;
            case "cannot save, and ends":
                Trainings.Mlp<double>(ranks, options.Shards).SaveCheckpoint(Path.Combine(options.Save!, "no such directory", "a"));
                return 0;
            case "another model":   // which one rank makes alone
                Trainings.Mlp<double>(ranks, options.Shards).Fit(2, progress =>
                {
                    if (isIt) _ = new Linear<double>(2, 2);
                });
                return 0;
            case "announced":
                ranks.OnFirst("looking back", () => Thread.Sleep(TimeSpan.FromSeconds(5)));
                ranks.Announce("reading", TimeSpan.FromSeconds(30));
                if (isIt) Thread.Sleep(TimeSpan.FromSeconds(5));
                ranks.Meet("the end of reading");
                ranks.Out.WriteLine("well");
                return 0;
            case "null":    // .NET's own exceptions survive an MPI that takes signals
                string? nothing = ranks.Rank < 0 ? "" : null;
                try
                {
                    return nothing!.Length;
                }
                catch (NullReferenceException)
                {
                    ranks.Out.WriteLine("caught");
                    return 0;
                }
        }

        var shards = (kind, isIt) switch { ("shards", true) => options.Shards / 2, ("no branch", true) => 6, _ => options.Shards };
        var trainer = Trainings.Mlp<double>(ranks, shards, seed: isIt && kind == "seed" ? 2 : 1, hidden: isIt && kind == "model" ? 32 : 24, samples: isIt && kind == "data" ? 288 : 240, isDeeper: isIt && kind == "deeper");
        if (kind is "seed" or "model" or "data" or "deeper" or "shards") trainer.SaveCheckpoint(options.Save!);
        trainer.Fit(1000, progress =>
        {
            if (progress.Moment == TrainingMoment.EpochEnd) trainer.SaveCheckpoint(options.Save!);
            if (isIt && progress is { Epoch: AtEpoch, Batch: 2, Moment: TrainingMoment.BatchEnd }) Misbehave(kind, trainer);
        });
        return 0;
    }

    private static void Misbehave(string kind, Trainer<double> trainer)
    {
        switch (kind)
        {
            case "throw":
                throw new InvalidDataException("Row 17 is no number.");
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "stall":
                Thread.Sleep(Timeout.Infinite);
                break;
            case "freeze":
                _ = Signal(Environment.ProcessId, Stop);
                break;
            case "unplug":      // from the host's own side, where the test has put the rank on a host of its own
                Process.Start("ip", ["link", "set", "eth0", "down"]).WaitForExit();
                break;
            case "exit":
                Environment.Exit(0);
                break;
            case "vanish":
                Exit(0);
                break;
            case "stop":
                trainer.Stop();
                break;
            case "exit 256":
                Environment.Exit(256);
                break;
            case "drift":
                trainer.Model.Parameters[0].Values[0] += 1;
                break;
            case "rate":
                trainer.Optimizer.LearningRate *= 2;
                break;
            case "nan":
                trainer.Model.Parameters[0].Values[0] = double.NaN;
                break;
            default:
                throw new ArgumentException($"Backprop.Mpi.Ranks knows no failure {kind}.");
        }
    }

    private const int Stop = 19;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
