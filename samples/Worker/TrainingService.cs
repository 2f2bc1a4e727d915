using Backprop;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Samples.Worker;

/// <summary>A training as a service: it begins where its checkpoint ends, and is over when the host stops or all epochs are done.</summary>
internal sealed class TrainingService(ILogger<TrainingService> logger, IHostApplicationLifetime lifetime, IConfiguration configuration) : BackgroundService
{
    private readonly string _directory = configuration["directory"] ?? ".";

    // A thread of its own: a training is hours of work, and those of the pool are for short errands.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.Factory.StartNew(() => Train(stoppingToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Train(CancellationToken stopping)
    {
        string checkpoint = Path.Combine(_directory, "circle.checkpoint"), model = Path.Combine(_directory, "circle.safetensors");
        try
        {
            var trainer = Circle.NewTrainer();
            if (File.Exists(checkpoint))
            {
                trainer.LoadCheckpoint(checkpoint);
                logger.Resumed(trainer.Epoch, trainer.Batch, checkpoint);
            }

            try
            {
                var history = trainer.Fit(Circle.Epochs, OnProgress, stopping);
                trainer.Model.Save(model);
                logger.Ended(history, model);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                logger.Stopped(trainer.Epoch, trainer.Batch, checkpoint);
            }

            trainer.SaveCheckpoint(checkpoint);     // at the end, too: who starts it again then finds it done
        }
        catch (Exception exception)
        {
            logger.Failed(exception);
            Environment.ExitCode = 1;
            throw;
        }
        finally
        {
            lifetime.StopApplication();
        }
    }

    private void OnProgress(TrainingProgress<double> progress)
    {
        if (progress.Moment != TrainingMoment.EpochEnd) return;
        logger.EpochEnded(progress.Epoch, progress.Epochs, progress.Result!.TrainingLoss, progress.Result.ValidationLoss);
        if (progress.Warning is string warning) logger.Warned(warning);
    }
}
