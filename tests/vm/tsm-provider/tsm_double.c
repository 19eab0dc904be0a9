// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test double of a TEE behind the kernel's real configfs-tsm.  Requests come out of
 * /dev/tsm-double, and what is written to it is the report.  The keys are outside of the VM.
 *
 *	read:	u32 number of the request, 64 bytes of inblob
 *	write:	u32 number, u32 errno or 0, u32 length of outblob, u32 length of auxblob,
 *		then both; in any pieces
 *
 * An answer to a request that no longer waits is dropped.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define INBLOB_LEN 64
#define ANSWER_MAX (192 * 1024)

struct answer {
	u32 number, error, outblob_len, auxblob_len;
	u8 data[];
};

static char *provider = "sev_guest";
module_param(provider, charp, 0444);

static DEFINE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(wait);
static u32 number;		/* of the last request */
static bool asked, taken, answered;
static u8 inblob[INBLOB_LEN];
static struct answer *answer;
static size_t answer_len;

static int take_answer(struct tsm_report *report)
{
	if (answer->error)
		return -(int)answer->error;
	report->outblob = kvmemdup(answer->data, answer->outblob_len, GFP_KERNEL);
	report->auxblob = kvmemdup(answer->data + answer->outblob_len, answer->auxblob_len,
				   GFP_KERNEL);
	if (!report->outblob || !report->auxblob) {
		kvfree(report->outblob);
		kvfree(report->auxblob);
		report->outblob = report->auxblob = NULL;
		return -ENOMEM;
	}
	report->outblob_len = answer->outblob_len;
	report->auxblob_len = answer->auxblob_len;
	return 0;
}

static int double_report_new(struct tsm_report *report, void *data)
{
	int ret;

	if (report->desc.inblob_len != INBLOB_LEN)
		return -EINVAL;
	mutex_lock(&lock);
	number++;
	memcpy(inblob, report->desc.inblob, INBLOB_LEN);
	asked = true;
	taken = answered = false;
	answer_len = 0;
	mutex_unlock(&lock);
	wake_up_all(&wait);

	ret = wait_event_killable(wait, READ_ONCE(answered));
	mutex_lock(&lock);
	if (!ret)
		ret = take_answer(report);
	asked = false;
	mutex_unlock(&lock);
	return ret;
}

static bool double_attr_visible(int n)
{
	return n == TSM_REPORT_GENERATION || n == TSM_REPORT_PROVIDER ||
	       n == TSM_REPORT_PRIVLEVEL || n == TSM_REPORT_PRIVLEVEL_FLOOR;
}

static bool double_bin_attr_visible(int n)
{
	return n == TSM_REPORT_INBLOB || n == TSM_REPORT_OUTBLOB || n == TSM_REPORT_AUXBLOB;
}

static struct tsm_ops ops = {
	.report_new = double_report_new,
	.report_attr_visible = double_attr_visible,
	.report_bin_attr_visible = double_bin_attr_visible,
};

static ssize_t double_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	u8 request[sizeof(u32) + INBLOB_LEN];
	int ret;

	if (len < sizeof(request))
		return -EINVAL;
	ret = wait_event_interruptible(wait, READ_ONCE(asked) && !READ_ONCE(taken));
	if (ret)
		return ret;
	mutex_lock(&lock);
	memcpy(request, &number, sizeof(u32));
	memcpy(request + sizeof(u32), inblob, INBLOB_LEN);
	taken = true;
	mutex_unlock(&lock);
	return copy_to_user(buf, request, sizeof(request)) ? -EFAULT : sizeof(request);
}

static void judge_answer(void)
{
	size_t want;

	if (answer_len < sizeof(*answer))
		return;
	want = sizeof(*answer) + (size_t)answer->outblob_len + answer->auxblob_len;
	if (want <= ANSWER_MAX && answer_len < want)
		return;
	if (want <= ANSWER_MAX && answer->number == number && asked) {
		WRITE_ONCE(answered, true);
		wake_up_all(&wait);
	}
	answer_len = 0;
}

static ssize_t double_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	ssize_t ret = len;

	mutex_lock(&lock);
	if (len > ANSWER_MAX - answer_len)
		ret = -EFBIG;
	else if (copy_from_user((u8 *)answer + answer_len, buf, len))
		ret = -EFAULT;
	else {
		answer_len += len;
		judge_answer();
	}
	mutex_unlock(&lock);
	return ret;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.read = double_read,
	.write = double_write,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tsm-double",
	.fops = &fops,
	.mode = 0600,
};

static int __init double_init(void)
{
	int ret;

	answer = kvzalloc(ANSWER_MAX, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	ops.name = provider;
	ret = misc_register(&device);
	if (ret)
		goto free;
	ret = tsm_register(&ops, NULL);
	if (ret)
		goto deregister;
	return 0;
deregister:
	misc_deregister(&device);
free:
	kvfree(answer);
	return ret;
}

static void __exit double_exit(void)
{
	tsm_unregister(&ops);
	misc_deregister(&device);
	kvfree(answer);
}

module_init(double_init);
module_exit(double_exit);
MODULE_DESCRIPTION("Test double of a TEE, behind configfs-tsm");
MODULE_LICENSE("GPL");
